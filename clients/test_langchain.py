"""LangChain's client for OpenAI against `/v1`."""

import unittest

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from program import EMBEDDING_MODEL, MODEL, program


@tool
def calculator(expression: str) -> str:
    """Computes."""
    return {"6 * 7": "42"}[expression]


def chat(**options) -> ChatOpenAI:
    return ChatOpenAI(
        model=MODEL,
        base_url=f"{program().url}/v1",
        api_key=SecretStr(program().api_key),
        max_retries=0,
        **options,
    )


class LangChain(unittest.TestCase):
    def test_a_whole_answer_with_usage(self):
        answer = chat(temperature=0).invoke(
            [SystemMessage("Be brief."), HumanMessage("/echo one two")]
        )
        self.assertEqual(answer.content, "one two")
        self.assertEqual(answer.usage_metadata["output_tokens"], 2)

    def test_a_stream_with_usage(self):
        pieces = list(chat(stream_usage=True).stream("/echo one two three"))
        self.assertEqual("".join(piece.content for piece in pieces), "one two three")
        usage = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
        self.assertEqual(usage[-1]["output_tokens"], 3)

    def test_a_tool_from_the_call_to_the_answer(self):
        model = chat().bind_tools([calculator], parallel_tool_calls=False)
        messages = [HumanMessage("/tool")]
        asked = model.invoke(messages)
        call = asked.tool_calls[0]
        self.assertEqual(call["name"], "calculator")
        messages += [asked, ToolMessage(calculator.invoke(call["args"]), tool_call_id=call["id"])]
        self.assertIn("`42`", model.invoke(messages).content)

    def test_structured_output(self):
        class Point(BaseModel):
            """A place."""

            x: int
            y: int

        model = chat().with_structured_output(Point, method="json_schema")
        self.assertEqual(model.invoke('/echo {"x": 1, "y": 2}'), Point(x=1, y=2))

    def test_vectors(self):
        embeddings = OpenAIEmbeddings(
            model=EMBEDDING_MODEL,
            base_url=f"{program().url}/v1",
            api_key=SecretStr(program().api_key),
            # Texts go as texts, not as another model's tokens.
            check_embedding_ctx_length=False,
        )
        self.assertEqual(embeddings.embed_query("three")[:2], [5, 1])


if __name__ == "__main__":
    unittest.main()
