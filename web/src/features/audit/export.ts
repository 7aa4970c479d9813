import { callRaw } from '@/platform/api/client';
import { saveFile } from '@/platform/files';

const NEWLINE = 10;

function linesIn(piece: Uint8Array): number {
  let lines = 0;
  for (const byte of piece) if (byte === NEWLINE) lines += 1;
  return lines;
}

/**
 * Reads the trail as the filters cut it, an entry a line, and offers it for
 * saving. Tells on the way how many entries there are so far, and at the end.
 */
export async function exportTrail(
  query: Record<string, string | null>,
  onEntries: (count: number) => void,
  signal: AbortSignal,
): Promise<number> {
  const response = await callRaw('/audit/export', { query, signal, stream: true });
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    pieces.push(read.value);
    count += linesIn(read.value);
    onEntries(count);
  }
  saveFile(new Blob(pieces, { type: 'application/x-ndjson' }), 'audit.jsonl');
  return count;
}
