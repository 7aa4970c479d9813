"""The `openai` package against `/v1/responses`."""

import json
import unittest

import openai

from program import MODEL, eventually, program
from test_openai import CALCULATOR, client

TOOL = {"type": "function", **CALCULATOR["function"]}


class Responses(unittest.TestCase):
    def test_create_retrieve_continue_delete(self):
        first = client().responses.create(
            model=MODEL, input="/echo one two", instructions="Be brief.", metadata={"a": "b"}
        )
        self.assertEqual(first.output_text, "one two")
        self.assertEqual(first.status, "completed")
        self.assertEqual(first.usage.output_tokens, 2)
        again = client().responses.retrieve(first.id)
        self.assertEqual(again.output_text, "one two")
        self.assertEqual(again.metadata, {"a": "b"})
        items = client().responses.input_items.list(first.id)
        self.assertEqual(items.data[0].content[0].text, "/echo one two")
        second = client().responses.create(
            model=MODEL, input="/echo three", previous_response_id=first.id
        )
        self.assertEqual(second.output_text, "three")
        self.assertEqual(second.previous_response_id, first.id)
        client().responses.delete(first.id)
        with self.assertRaises(openai.NotFoundError):
            client().responses.retrieve(first.id)

    def test_a_stream(self):
        with client().responses.stream(model=MODEL, input="/echo one two three") as stream:
            deltas = [e.delta for e in stream if e.type == "response.output_text.delta"]
            final = stream.get_final_response()
        self.assertEqual("".join(deltas), "one two three")
        self.assertEqual(final.output_text, "one two three")

    def test_background_and_cancel(self):
        begun = client().responses.create(model=MODEL, input="/slow", background=True)
        self.assertEqual(begun.status, "in_progress")
        cancelled = client().responses.cancel(begun.id)
        self.assertEqual(cancelled.status, "cancelled")
        quick = client().responses.create(model=MODEL, input="/echo done", background=True)

        def done() -> bool:
            return client().responses.retrieve(quick.id).status == "completed"

        eventually("the response is complete", done)

    def test_a_tool_from_the_call_to_the_answer(self):
        items = [{"role": "user", "content": "/tool"}]
        first = client().responses.create(model=MODEL, input=items, tools=[TOOL])
        call = first.output[0]
        self.assertEqual(call.type, "function_call")
        self.assertEqual(json.loads(call.arguments), {"expression": "6 * 7"})
        items += [item.model_dump() for item in first.output]
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": "42"})
        second = client().responses.create(model=MODEL, input=items, tools=[TOOL])
        self.assertIn("`42`", second.output_text)

    def test_thinking_is_an_item_of_its_own(self):
        answer = client().responses.create(model=MODEL, input="/think", store=False)
        self.assertEqual([item.type for item in answer.output], ["reasoning", "message"])

    def test_what_is_not_supported_is_said(self):
        with self.assertRaises(openai.BadRequestError) as refused:
            client().responses.create(model=MODEL, input="Hi", tools=[{"type": "web_search"}])
        self.assertEqual(refused.exception.code, "unsupported_tool")


if __name__ == "__main__":
    unittest.main()
