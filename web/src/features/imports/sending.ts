import { useSyncExternalStore } from 'react';
import type { Import } from '@/platform/api/types';
import { Listeners } from '@/platform/listeners';
import { queryClient } from '@/platform/query/client';
import { keys } from '@/platform/query/keys';
import { sendFile } from './api';

/** A file on its way. It goes on while the person is on other pages. */
interface Sending {
  id: string;
  error: Error | null;
}

const changed = new Listeners();
let sending: Sending | null = null;
let stop: AbortController | null = null;

function set(next: Sending | null): void {
  sending = next;
  changed.emit();
}

/** Puts what the server says of an import where the page reads it. */
export function showImport(job: Import): void {
  queryClient.setQueryData<Import[]>(keys.imports, (jobs = []) =>
    jobs.some(({ id }) => id === job.id)
      ? jobs.map((other) => (other.id === job.id ? job : other))
      : [job, ...jobs].slice(0, 5),
  );
}

/** Sends a file, or the rest of one. */
export async function startSending(job: Import, file: File): Promise<void> {
  stop?.abort();
  const own = new AbortController();
  stop = own;
  showImport(job);
  set({ id: job.id, error: null });
  try {
    await sendFile(job, file, showImport, own.signal);
    if (stop === own) set(null);
  } catch (error) {
    if (stop !== own || own.signal.aborted) return;
    set({ id: job.id, error: error instanceof Error ? error : new Error(String(error)) });
  } finally {
    await queryClient.invalidateQueries({ queryKey: keys.imports });
  }
}

/** Stops sending. */
export function stopSending(): void {
  stop?.abort();
  stop = null;
  set(null);
}

/** The file that this page sends, if it does. */
export const useSending = (): Sending | null =>
  useSyncExternalStore(
    changed.add,
    () => sending,
    () => null,
  );
