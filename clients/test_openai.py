"""The `openai` package against `/v1`."""

import json
import unittest

import openai
import pydantic

from program import EMBEDDING_MODEL, MODEL, eventually, program

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

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def client(**options) -> openai.OpenAI:
    options = {"api_key": program().api_key, "max_retries": 0} | options
    return openai.OpenAI(base_url=f"{program().url}/v1", **options)


def ask(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


class Models(unittest.TestCase):
    def test_the_list_has_profiles_and_real_models(self):
        ids = [model.id for model in client().models.list()]
        self.assertIn("openmake_auto", ids)
        self.assertIn(MODEL, ids)
        self.assertIn(EMBEDDING_MODEL, ids)

    def test_one_model(self):
        self.assertEqual(client().models.retrieve(MODEL).id, MODEL)
        with self.assertRaises(openai.NotFoundError) as refused:
            client().models.retrieve("no-such-model")
        self.assertEqual(refused.exception.code, "model_not_found")


class ChatCompletions(unittest.TestCase):
    def test_a_whole_answer(self):
        answer = client().chat.completions.create(
            model=MODEL, messages=ask("/echo one two"), temperature=0, max_tokens=64, seed=1
        )
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual(answer.model, MODEL)
        self.assertEqual(answer.choices[0].message.content, "one two")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual(answer.usage.completion_tokens, 2)

    def test_a_profile(self):
        answer = client().chat.completions.create(
            model="openmake_fast", messages=ask("/echo quick")
        )
        self.assertEqual(answer.choices[0].message.content, "quick")

    def test_a_stream_with_usage(self):
        stream = client().chat.completions.create(
            model=MODEL,
            messages=ask("/echo one two three"),
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, "one two three")
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual(chunks[-1].usage.completion_tokens, 3)
        self.assertEqual({c.id for c in chunks}, {chunks[0].id})

    def test_thinking_comes_beside_the_answer(self):
        answer = client().chat.completions.create(model=MODEL, messages=ask("/think"))
        self.assertIn("thinks first", answer.choices[0].message.reasoning_content)

    def test_a_tool_from_the_call_to_the_answer(self):
        messages = ask("/tool")
        first = client().chat.completions.create(
            model=MODEL, messages=messages, tools=[CALCULATOR], tool_choice="auto"
        )
        self.assertEqual(first.choices[0].finish_reason, "tool_calls")
        call = first.choices[0].message.tool_calls[0]
        self.assertEqual(json.loads(call.function.arguments), {"expression": "6 * 7"})
        messages.append(first.choices[0].message.model_dump())
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "42"})
        second = client().chat.completions.create(
            model=MODEL, messages=messages, tools=[CALCULATOR]
        )
        self.assertIn("`42`", second.choices[0].message.content)

    def test_a_streamed_tool_call(self):
        with client().chat.completions.stream(
            model=MODEL, messages=ask("/tool"), tools=[CALCULATOR]
        ) as stream:
            final = stream.get_final_completion()
        function = final.choices[0].message.tool_calls[0].function
        self.assertEqual(function.name, "calculator")
        self.assertEqual(json.loads(function.arguments), {"expression": "6 * 7"})

    def test_a_parsed_answer(self):
        class Point(pydantic.BaseModel):
            x: int
            y: int

        answer = client().chat.completions.parse(
            model=MODEL, messages=ask('/echo {"x": 1, "y": 2}'), response_format=Point
        )
        self.assertEqual(answer.choices[0].message.parsed, Point(x=1, y=2))

    def test_a_stream_that_is_closed_early(self):
        # The model writes for ten seconds unless it is stopped.
        stream = client().chat.completions.create(
            model=MODEL, messages=ask("/slow"), stream=True
        )
        next(iter(stream))
        stream.close()
        running = "openmake_stateless_calls_running 0"

        def over() -> bool:
            return running in metrics()

        eventually("the call ends with its client", over)

    def test_what_it_costs_is_counted(self):
        before = used(MODEL)
        client().chat.completions.create(model=MODEL, messages=ask("/echo a b c d"))
        eventually("the call is counted", lambda: used(MODEL) >= before + 4)


class Errors(unittest.TestCase):
    def assert_refused(self, kind, code, param=None, **request):
        request = {"model": MODEL, "messages": ask("Hi")} | request
        with self.assertRaises(kind) as refused:
            client().chat.completions.create(**request)
        self.assertEqual(refused.exception.code, code)
        self.assertEqual(refused.exception.param, param)
        self.assertTrue(refused.exception.request_id)

    def test_a_wrong_key(self):
        with self.assertRaises(openai.AuthenticationError) as refused:
            client(api_key="omk_live_wrong").models.list()
        self.assertEqual(refused.exception.code, "invalid_api_key")

    def test_what_is_not_there_or_not_supported(self):
        missing, bad = openai.NotFoundError, openai.BadRequestError
        self.assert_refused(missing, "model_not_found", "model", model="no-such-model")
        self.assert_refused(bad, "unsupported_parameter", "n", n=2)
        self.assert_refused(bad, "unsupported_parameter", "logprobs", logprobs=True)
        self.assert_refused(bad, "unknown_parameter", "colour", extra_body={"colour": 1})
        self.assert_refused(bad, "invalid_value", "temperature", temperature=9)

    def test_an_image_for_a_model_that_does_not_see(self):
        content = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": PIXEL}},
        ]
        messages = [{"role": "user", "content": content}]
        self.assert_refused(openai.BadRequestError, "model_without_vision", messages=messages)
        content[1]["image_url"]["url"] = "https://example.com/pixel.png"
        self.assert_refused(
            openai.BadRequestError,
            "image_url_not_supported",
            "messages[0].content[1].image_url.url",
            messages=messages,
        )

    def test_a_model_server_that_fails(self):
        with self.assertRaises(openai.InternalServerError) as refused:
            client().chat.completions.create(model=MODEL, messages=ask("/error"))
        self.assertEqual(refused.exception.code, "upstream_failed")

    def test_a_stream_that_breaks(self):
        stream = client().chat.completions.create(
            model=MODEL, messages=ask("/break"), stream=True
        )
        with self.assertRaises(openai.APIError) as broken:
            list(stream)
        self.assertEqual(broken.exception.code, "upstream_failed")


class Embeddings(unittest.TestCase):
    def test_vectors_in_both_encodings(self):
        # The package asks for base64 unless it is told otherwise.
        for options in ({}, {"encoding_format": "float"}):
            answer = client().embeddings.create(
                model=EMBEDDING_MODEL, input=["one", "three"], dimensions=4, **options
            )
            vectors = [item.embedding for item in answer.data]
            self.assertEqual(vectors, [[3, 1, 1, 1], [5, 1, 1, 1]])
            self.assertEqual(answer.usage.prompt_tokens, 2)

    def test_a_model_without_vectors(self):
        with self.assertRaises(openai.BadRequestError) as refused:
            client().embeddings.create(model=MODEL, input="one")
        self.assertEqual(refused.exception.code, "model_without_embeddings")


def used(model: str) -> int:
    """Tokens that the model has written for the account today."""
    items = program().get("/api/v1/usage")["items"]
    return sum(item["output_tokens"] for item in items if item["model"] == model)


def metrics() -> str:
    import urllib.request

    request = urllib.request.Request(f"{program().url}/metrics")
    request.add_header("Authorization", f"Bearer {program().token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


if __name__ == "__main__":
    unittest.main()
