"""Anthropic's own client against `/v1/messages`."""

import base64
import unittest

import anthropic

from program import MODEL, PIXEL_PNG, VISION_MODEL, program

LOOK = {
    "name": "calculator",
    "description": "Computes.",
    "input_schema": {
        "type": "object",
        "properties": {"expression": {"type": "string"}},
        "required": ["expression"],
    },
}


def client(**options) -> anthropic.Anthropic:
    options = {"api_key": program().api_key, "max_retries": 0} | options
    return anthropic.Anthropic(base_url=program().url, **options)


def said(text) -> list[dict]:
    return [{"role": "user", "content": text}]


class Messages(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def create(self, content, **more):
        return self.client.messages.create(
            **{"model": MODEL, "max_tokens": 2048, "messages": said(content), **more}
        )

    def test_a_whole_answer(self):
        message = self.create("/echo apples and pears", system="Be brief.", metadata={"user_id": "u"})
        self.assertEqual(message.type, "message")
        self.assertEqual(message.role, "assistant")
        self.assertEqual(message.stop_reason, "end_turn")
        self.assertIn("apples and pears", message.content[-1].text)
        self.assertGreater(message.usage.input_tokens, 0)
        self.assertGreater(message.usage.output_tokens, 0)

    def test_the_models(self):
        models = list(self.client.models.list())
        self.assertIn(MODEL, [model.id for model in models])
        self.assertIn("openmake_auto", [model.id for model in models])
        one = self.client.models.retrieve(MODEL)
        self.assertEqual((one.id, one.type, one.lifecycle), (MODEL, "model", "active"))
        self.assertEqual(one.created_at.year, 1970)
        with self.assertRaises(anthropic.NotFoundError):
            self.client.models.retrieve("nothing")

    def test_a_stream(self):
        with self.client.messages.stream(
            model=MODEL, max_tokens=2048, messages=said("/echo apples and pears")
        ) as stream:
            pieces = list(stream.text_stream)
            final = stream.get_final_message()
        self.assertGreater(len(pieces), 1)
        self.assertIn("apples and pears", "".join(pieces))
        self.assertEqual(final.content[-1].text, "".join(pieces))
        self.assertEqual(final.stop_reason, "end_turn")
        self.assertGreater(final.usage.output_tokens, 0)

    def test_raw_events(self):
        events = list(self.create("/echo pears", stream=True))
        kinds = [event.type for event in events]
        self.assertEqual(kinds[0], "message_start")
        self.assertEqual(kinds[-2:], ["message_delta", "message_stop"])
        self.assertIn("content_block_delta", kinds)

    def test_thinking_streams_before_the_text(self):
        with self.client.messages.stream(
            model=MODEL,
            max_tokens=8192,
            messages=said("/think"),
        ) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_message()
        self.assertEqual([block.type for block in final.content], ["thinking", "text"])
        self.assertIn("thinking", kinds)
        self.assertTrue(final.content[0].thinking)
        self.assertTrue(final.content[0].signature)

    def test_tools_and_their_results(self):
        for streamed in (False, True):
            with self.subTest(streamed=streamed):
                asked = {
                    "model": MODEL,
                    "max_tokens": 2048,
                    "tools": [LOOK],
                    "messages": said("/tool"),
                }
                if streamed:
                    with self.client.messages.stream(**asked) as stream:
                        message = stream.get_final_message()
                else:
                    message = self.client.messages.create(**asked)
                self.assertEqual(message.stop_reason, "tool_use")
                use = next(block for block in message.content if block.type == "tool_use")
                self.assertEqual(use.name, "calculator")
                self.assertEqual(use.input, {"expression": "6 * 7"})
                asked["messages"] = [
                    *said("/tool"),
                    {"role": "assistant", "content": message.content},
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "tool_result",
                                "tool_use_id": use.id,
                                "content": "42",
                            }
                        ],
                    },
                ]
                answer = self.client.messages.create(**asked)
                self.assertEqual(answer.stop_reason, "end_turn")
                self.assertIn("answered `42`", answer.content[-1].text)

    def test_an_image(self):
        image = {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": "image/png",
                "data": base64.b64encode(PIXEL_PNG).decode(),
            },
        }
        blocks = [image, {"type": "text", "text": "/images"}]
        message = self.create(blocks, model=VISION_MODEL)
        self.assertIn("1 image", message.content[-1].text)

    def test_tokens_are_counted(self):
        counted = self.client.messages.count_tokens(model=MODEL, messages=said("How many are there?"))
        self.assertGreater(counted.input_tokens, 0)

    def test_errors_are_anthropics(self):
        with self.assertRaises(anthropic.NotFoundError) as missing:
            self.create("Hello", model="no-such-model")
        self.assertEqual(missing.exception.body["error"]["type"], "not_found_error")
        with self.assertRaises(anthropic.BadRequestError) as wrong:
            self.create("Hello", max_tokens=0)
        self.assertEqual(wrong.exception.body["error"]["type"], "invalid_request_error")
        self.assertIn("max_tokens", wrong.exception.body["error"]["message"])
        with self.assertRaises(anthropic.BadRequestError):
            self.create("Hello", extra_body={"container": "c"})
        with self.assertRaises(anthropic.BadRequestError):
            self.create([{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}])
        with client(api_key="omk_live_no") as stranger, self.assertRaises(anthropic.AuthenticationError) as unknown:
            stranger.messages.create(model=MODEL, max_tokens=9, messages=said("Hello"))
        self.assertEqual(unknown.exception.body["error"]["type"], "authentication_error")

    def test_a_failing_model_is_an_error(self):
        with self.assertRaises(anthropic.APIStatusError) as failed:
            self.create("/error")
        self.assertEqual(failed.exception.body["type"], "error")
        with self.assertRaises(anthropic.APIStatusError):
            list(self.create("/break", stream=True))


if __name__ == "__main__":
    unittest.main()
