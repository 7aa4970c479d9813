"""Ollama's own client against `/ollama`."""

import base64
import unittest

import ollama

from program import EMBEDDING_MODEL, MODEL, PIXEL_PNG, VISION_MODEL, program

CALCULATOR = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Computes.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}


def client(**options) -> ollama.Client:
    return ollama.Client(host=f"{program().url}/ollama", **options)


def said(text) -> list[dict]:
    return [{"role": "user", "content": text}]


class Client(unittest.TestCase):
    def setUp(self):
        self.client = client(headers={"Authorization": f"Bearer {program().api_key}"})
        self.addCleanup(self.client.close)

    def test_a_chat_whole_and_streamed(self):
        whole = self.client.chat(MODEL, messages=said("/echo apples and pears"))
        self.assertIn("apples and pears", whole.message.content)
        self.assertTrue(whole.done)
        self.assertEqual(whole.done_reason, "stop")
        self.assertGreater(whole.eval_count, 0)
        self.assertGreater(whole.total_duration, 0)
        parts = list(self.client.chat(MODEL, messages=said("/echo apples and pears"), stream=True))
        self.assertGreater(len(parts), 2)
        self.assertEqual("".join(part.message.content for part in parts), whole.message.content)
        self.assertTrue(parts[-1].done)
        self.assertGreater(parts[-1].eval_count, 0)

    def test_generate_whole_and_streamed(self):
        whole = self.client.generate(
            MODEL,
            prompt="/echo apples and pears",
            system="Be brief.",
            options={"temperature": 0, "num_ctx": 4096, "num_predict": 100, "seed": 1},
            keep_alive="5m",
        )
        self.assertIn("apples and pears", whole.response)
        parts = list(self.client.generate(MODEL, prompt="/echo apples and pears", stream=True))
        self.assertEqual("".join(part.response for part in parts), whole.response)
        self.assertTrue(parts[-1].done)

    def test_thinking(self):
        parts = list(self.client.chat(MODEL, messages=said("/think"), stream=True))
        thinking = "".join(part.message.thinking or "" for part in parts)
        self.assertTrue(thinking)
        self.assertTrue("".join(part.message.content or "" for part in parts))

    def test_tools_and_their_results(self):
        messages = said("/tool")
        asked = self.client.chat(MODEL, messages=messages, tools=[CALCULATOR])
        call = asked.message.tool_calls[0]
        self.assertEqual(call.function.name, "calculator")
        self.assertEqual(call.function.arguments, {"expression": "6 * 7"})
        messages.append(asked.message)
        messages.append({"role": "tool", "content": "42", "tool_name": call.function.name})
        answer = self.client.chat(MODEL, messages=messages, tools=[CALCULATOR])
        self.assertIn("answered `42`", answer.message.content)

    def test_an_image(self):
        seen = self.client.chat(
            VISION_MODEL,
            messages=[{"role": "user", "content": "/images", "images": [PIXEL_PNG]}],
        )
        self.assertIn("1 image", seen.message.content)
        seen = self.client.generate(
            VISION_MODEL, prompt="/images", images=[base64.b64encode(PIXEL_PNG).decode()]
        )
        self.assertIn("1 image", seen.response)

    def test_what_there_is(self):
        names = [model.model for model in self.client.list().models]
        self.assertIn(MODEL, names)
        self.assertIn("openmake_auto", names)
        shown = self.client.show(MODEL)
        self.assertIn("completion", shown.capabilities)
        self.assertIsNotNone(self.client.ps().models)

    def test_vectors(self):
        vectors = self.client.embed(EMBEDDING_MODEL, input=["apples", "pears"]).embeddings
        self.assertEqual(len(vectors), 2)
        self.assertEqual(len(vectors[0]), len(vectors[1]))
        self.assertGreater(len(self.client.embeddings(EMBEDDING_MODEL, prompt="apples").embedding), 0)

    def test_errors_are_ollamas(self):
        with self.assertRaises(ollama.ResponseError) as missing:
            self.client.chat("no-such-model", messages=said("Hello"))
        self.assertEqual(missing.exception.status_code, 404)
        with self.assertRaises(ollama.ResponseError) as refused:
            self.client.pull("qwen3")
        self.assertEqual(refused.exception.status_code, 403)
        self.assertIn("managed", refused.exception.error)
        with self.assertRaises(ollama.ResponseError) as refused:
            self.client.delete("qwen3")
        self.assertEqual(refused.exception.status_code, 403)
        with self.assertRaises(ollama.ResponseError) as wrong:
            self.client.generate(MODEL, prompt="Hello", options={"mirostat": 1})
        self.assertEqual(wrong.exception.status_code, 400)
        self.assertIn("mirostat", wrong.exception.error)
        with client() as stranger, self.assertRaises(ollama.ResponseError) as unknown:
            stranger.list()
        self.assertEqual(unknown.exception.status_code, 401)

    def test_a_failing_model_is_an_error(self):
        with self.assertRaises(ollama.ResponseError):
            self.client.chat(MODEL, messages=said("/error"))
        with self.assertRaises(ollama.ResponseError):
            list(self.client.chat(MODEL, messages=said("/break"), stream=True))


if __name__ == "__main__":
    unittest.main()
