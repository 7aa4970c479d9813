import { queryOptions } from '@tanstack/react-query';
import { send, sendJson } from '@/platform/api/http';
import { readSse } from '@/platform/live/sse';
import { keys } from '@/platform/query/keys';
import { type ApiDocument, groupsOf } from './document';

/** The server's description of itself, by subject. It changes with the program only. */
export const apiDocumentQuery = queryOptions({
  queryKey: keys.apiDocument,
  queryFn: async ({ signal }) =>
    groupsOf(await sendJson<ApiDocument>('/api/openapi.json', { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  error?: { message?: string };
}

/** Asks as another program would, with a key, and gives the answer as it comes. */
export async function* tryChat(
  wish: { key: string; model: string; question: string },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const response = await send('/v1/chat/completions', {
    method: 'POST',
    token: wish.key,
    stream: true,
    signal,
    body: {
      model: wish.model,
      stream: true,
      messages: [{ role: 'user', content: wish.question }],
    },
  });
  for await (const { data } of readSse(response)) {
    if (data === '[DONE]') return;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) throw new Error(chunk.error.message ?? '');
    const text = chunk.choices?.[0]?.delta?.content;
    if (text) yield text;
  }
}
