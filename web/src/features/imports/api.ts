import { queryOptions } from '@tanstack/react-query';
import { call, callRaw } from '@/platform/api/client';
import { Unreachable } from '@/platform/api/problem';
import type { Import, ImportKind, Page } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** Bytes of a piece: a broken connection costs no more than one. */
const PIECE = 4 << 20;
/** Pauses before a piece is sent again, in milliseconds. */
const AGAIN = [500, 2_000, 5_000, 10_000];

/** Whether something still happens to an import. */
export const isOpen = ({ status }: Import) =>
  status === 'uploading' || status === 'waiting' || status === 'running';

/** One's last imports; looked at again while one goes on. */
export const importsQuery = queryOptions({
  queryKey: keys.imports,
  queryFn: async ({ signal }) =>
    (await call<Page<Import>>('/imports', { query: { limit: 5 }, signal })).items,
  refetchInterval: ({ state }) => (state.data?.some(isOpen) ? 1_500 : false),
});

/** Begins an import; its file follows. */
export const createImport = (kind: ImportKind, file: File) =>
  call<Import>('/imports', {
    method: 'POST',
    body: { kind, file_name: file.name.slice(0, 255), size: file.size },
  });

/** Calls an import off. */
export const cancelImport = (id: string) =>
  call<Import>(`/imports/${id}/cancel`, { method: 'POST' });

/** Removes what an import brought and nobody changed since. */
export const undoImport = (id: string) => call<Import>(`/imports/${id}/undo`, { method: 'POST' });

/** The whole report, as a file. */
export const importReport = async (id: string) => (await callRaw(`/imports/${id}/report`)).blob();

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** Sends one piece, again and again where the server does not answer. */
async function sendPiece(id: string, offset: number, piece: Blob, signal: AbortSignal) {
  for (let tries = 0; ; tries += 1) {
    try {
      const response = await callRaw(`/imports/${id}/chunks`, {
        method: 'POST',
        query: { offset },
        bytes: piece,
        signal,
      });
      return (await response.json()) as Import;
    } catch (error) {
      const wait = AGAIN[tries];
      if (signal.aborted || wait === undefined || !(error instanceof Unreachable)) throw error;
      await pause(wait, signal);
    }
  }
}

/** Sends what the server does not have of a file, and tells of every piece. */
export async function sendFile(
  job: Import,
  file: File,
  onPiece: (job: Import) => void,
  signal: AbortSignal,
): Promise<Import> {
  let last = job;
  while (last.received < last.size) {
    const piece = file.slice(last.received, last.received + PIECE);
    last = await sendPiece(job.id, last.received, piece, signal);
    onPiece(last);
  }
  return last;
}
