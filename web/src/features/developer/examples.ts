/** The protocols that other programs speak with us. */
export const DOORS = ['openai', 'anthropic', 'ollama'] as const;
export type Door = (typeof DOORS)[number];

/** What an example is written in. */
export const LANGUAGES = ['curl', 'python', 'javascript'] as const;
export type Language = (typeof LANGUAGES)[number];

/** How the code is called where it is highlighted. */
export const FENCES: Record<Language, string> = {
  curl: 'bash',
  python: 'python',
  javascript: 'javascript',
};

/** What an example asks, and whom. */
interface Wish {
  origin: string;
  model: string;
}

const QUESTION = 'Why is the sky blue?';

const quoted = (text: string) => JSON.stringify(text);

function curl(url: string, headers: readonly string[], body: unknown): string {
  const lines = headers.map((header) => `  -H "${header}" \\`);
  // A model's name may have a quote: the shell must not end there.
  const data = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  return [`curl ${url} \\`, ...lines, `  -d '${data}'`].join('\n');
}

const EXAMPLES: Record<Door, Record<Language, (wish: Wish) => string>> = {
  openai: {
    curl: ({ origin, model }) =>
      curl(
        `${origin}/v1/chat/completions`,
        ['Authorization: Bearer $OPENMAKE_API_KEY', 'Content-Type: application/json'],
        { model, messages: [{ role: 'user', content: QUESTION }] },
      ),
    python: ({ origin, model }) => `# pip install openai
import os
from openai import OpenAI

client = OpenAI(base_url=${quoted(`${origin}/v1`)}, api_key=os.environ["OPENMAKE_API_KEY"])
answer = client.chat.completions.create(
    model=${quoted(model)},
    messages=[{"role": "user", "content": ${quoted(QUESTION)}}],
)
print(answer.choices[0].message.content)`,
    javascript: ({ origin, model }) => `// npm install openai
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: ${quoted(`${origin}/v1`)},
  apiKey: process.env.OPENMAKE_API_KEY,
});
const answer = await client.chat.completions.create({
  model: ${quoted(model)},
  messages: [{ role: 'user', content: ${quoted(QUESTION)} }],
});
console.log(answer.choices[0].message.content);`,
  },
  anthropic: {
    curl: ({ origin, model }) =>
      curl(
        `${origin}/v1/messages`,
        [
          'x-api-key: $OPENMAKE_API_KEY',
          'anthropic-version: 2023-06-01',
          'Content-Type: application/json',
        ],
        { model, max_tokens: 1024, messages: [{ role: 'user', content: QUESTION }] },
      ),
    python: ({ origin, model }) => `# pip install anthropic
import os
from anthropic import Anthropic

client = Anthropic(base_url=${quoted(origin)}, api_key=os.environ["OPENMAKE_API_KEY"])
answer = client.messages.create(
    model=${quoted(model)},
    max_tokens=1024,
    messages=[{"role": "user", "content": ${quoted(QUESTION)}}],
)
print("".join(block.text for block in answer.content if block.type == "text"))`,
    javascript: ({ origin, model }) => `// npm install @anthropic-ai/sdk
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({
  baseURL: ${quoted(origin)},
  apiKey: process.env.OPENMAKE_API_KEY,
});
const answer = await client.messages.create({
  model: ${quoted(model)},
  max_tokens: 1024,
  messages: [{ role: 'user', content: ${quoted(QUESTION)} }],
});
console.log(answer.content);`,
  },
  ollama: {
    curl: ({ origin, model }) =>
      curl(
        `${origin}/ollama/api/chat`,
        ['Authorization: Bearer $OPENMAKE_API_KEY', 'Content-Type: application/json'],
        { model, stream: false, messages: [{ role: 'user', content: QUESTION }] },
      ),
    python: ({ origin, model }) => `# pip install ollama
import os
from ollama import Client

client = Client(
    host=${quoted(`${origin}/ollama`)},
    headers={"Authorization": f"Bearer {os.environ['OPENMAKE_API_KEY']}"},
)
answer = client.chat(
    model=${quoted(model)},
    messages=[{"role": "user", "content": ${quoted(QUESTION)}}],
)
print(answer.message.content)`,
    javascript: ({ origin, model }) => `// npm install ollama
import { Ollama } from 'ollama';

const client = new Ollama({
  host: ${quoted(`${origin}/ollama`)},
  headers: { Authorization: \`Bearer \${process.env.OPENMAKE_API_KEY}\` },
});
const answer = await client.chat({
  model: ${quoted(model)},
  messages: [{ role: 'user', content: ${quoted(QUESTION)} }],
});
console.log(answer.message.content);`,
  },
};

/** An example that can be pasted and run. */
export function example(door: Door, language: Language, wish: Wish): string {
  return EXAMPLES[door][language](wish);
}
