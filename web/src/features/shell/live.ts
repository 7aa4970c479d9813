'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { connectRuns, outbox, queue, runs } from '@/features/chat';
import { changeHandler } from '@/features/conversations';
import { forgetDrafts } from '@/platform/drafts';
import { live } from '@/platform/live';
import type { EndReason } from '@/platform/session';
import { session } from '@/platform/session';

const REASONS: readonly EndReason[] = [
  'signed_out',
  'revoked',
  'expired',
  'password_changed',
  'account_changed',
];

/** Keeps what is shown current for as long as someone is signed in. */
export function useLive(): void {
  const client = useQueryClient();
  useEffect(() => {
    const changed = changeHandler({
      client,
      setTimeout: (run, ms) => window.setTimeout(run, ms),
    });
    const hurry = () => {
      if (document.visibilityState === 'visible') live.hurry();
    };
    const undo = [
      connectRuns(client),
      live.onFrame((frame) => {
        changed(frame);
        // A server that stops is not a session that ends: it comes back.
        if (frame.type !== 'session.ended' || frame.reason === 'shutdown') return;
        session.end(REASONS.find((reason) => reason === frame.reason) ?? 'expired');
      }),
      live.onReconnected(() => void client.invalidateQueries()),
      session.onToken((token) => live.authenticate(token)),
      session.subscribe(() => {
        const state = session.state();
        // The next person must find nothing of this one.
        if (state.status === 'signed-out' && state.reason !== 'expired') {
          forgetDrafts();
          queue.clear();
        }
      }),
    ];
    window.addEventListener('online', hurry);
    document.addEventListener('visibilitychange', hurry);
    live.start();
    return () => {
      for (const step of undo) step();
      window.removeEventListener('online', hurry);
      document.removeEventListener('visibilitychange', hurry);
      live.stop();
      if (session.state().status !== 'signed-out') return;
      runs.clear();
      outbox.clear();
      client.clear();
    };
  }, [client]);
}
