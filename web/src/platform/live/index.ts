'use client';

import { useSyncExternalStore } from 'react';
import { callRaw } from '../api/client';
import type { TurnEvent } from '../api/types';
import { session } from '../session';
import { LiveConnection, type LiveState, type Socket } from './connection';
import { readSse } from './sse';

export type { LiveState } from './connection';

async function* openEvents(
  turnId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent> {
  const response = await callRaw(`/turns/${turnId}/events`, {
    query: { after },
    headers: { accept: 'text/event-stream' },
    signal,
    stream: true,
  });
  for await (const { data } of readSse(response)) {
    const event: unknown = JSON.parse(data);
    if (event !== null && typeof event === 'object' && 'seq' in event) yield event as TurnEvent;
  }
}

function openSocket(): Socket {
  const address = new URL('/api/v1/ws', window.location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  // The browser's type passes more to its callbacks than we take.
  return new WebSocket(address) as unknown as Socket;
}

/** The live connection of this page. */
export const live = new LiveConnection({
  openSocket,
  openEvents,
  token: () => session.token(),
  setTimeout: (run, ms) => window.setTimeout(run, ms),
  clearTimeout: (timer) => window.clearTimeout(timer),
  random: () => Math.random(),
});

/** How the live connection is. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(live.subscribe, live.state, () => 'idle' as const);
}
