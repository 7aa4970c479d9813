'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import { updateConversation } from '@/features/conversations';
import { useExplain } from '@/platform/errors';
import { replaceQuery, useAskedMessage } from '@/platform/route';
import { toastError } from '@/ui/toast';
import { readThrough, reveal } from './api';
import type { Shown } from './hooks';

/** A message that the address asks for, such as what a search found. */
export interface Asked {
  message: string;
  /** That it is in view. */
  onShown: () => void;
}

/** Takes the wish out of the address: it is met, or cannot be. */
function done(): void {
  replaceQuery({ m: null });
}

/**
 * What the address asks to be shown of this conversation. Where it is not among
 * the messages that were read, they are read up to it; where it is on another
 * branch, that branch is shown.
 */
export function useAsked(id: string | null, shown: Shown): Asked | null {
  const client = useQueryClient();
  const explain = useExplain();
  const now = useRef(explain);
  useEffect(() => {
    now.current = explain;
  });
  const message = useAskedMessage();
  const missing = message !== null && !shown.messages.some((other) => other.id === message);
  const ready = id !== null && !shown.loading && !shown.error;
  useEffect(() => {
    if (!ready || !missing) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    const find = async () => {
      if (await readThrough(client, id, message, signal)) return;
      const changed = await updateConversation(id, { active_leaf_id: message });
      if (!signal.aborted) await reveal(client, changed, message);
    };
    find().catch((error: unknown) => {
      if (signal.aborted) return;
      toastError(now.current.error(error).title);
      done();
    });
    return () => leaving.abort();
  }, [client, id, message, missing, ready]);
  return useMemo(() => (message === null ? null : { message, onShown: done }), [message]);
}
