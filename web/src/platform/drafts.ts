import { readStored, writeStored } from '@/platform/storage';

/** As many drafts are kept, the newest. */
const KEPT = 50;

function all(): Record<string, string> {
  try {
    const stored: unknown = JSON.parse(readStored('openmake.drafts') ?? '{}');
    return stored !== null && typeof stored === 'object' ? (stored as Record<string, string>) : {};
  } catch {
    return {};
  }
}

function slot(conversationId: string | null): string {
  return conversationId ?? 'new';
}

/** What was typed and not sent. */
export function readDraft(conversationId: string | null): string {
  const draft = all()[slot(conversationId)];
  return typeof draft === 'string' ? draft : '';
}

/** All that was typed and not sent, the newest first. */
export function readDrafts(): { slot: string; text: string }[] {
  return Object.entries(all())
    .filter(([, text]) => typeof text === 'string' && text.trim() !== '')
    .map(([slot, text]) => ({ slot, text }))
    .reverse();
}

/** Keeps what was typed; an empty text forgets it. */
export function writeDraft(conversationId: string | null, text: string): void {
  const { [slot(conversationId)]: _old, ...others } = all();
  const entries = Object.entries(others).slice(text === '' ? -KEPT : -(KEPT - 1));
  if (text !== '') entries.push([slot(conversationId), text]);
  writeStored(
    'openmake.drafts',
    entries.length === 0 ? null : JSON.stringify(Object.fromEntries(entries)),
  );
}

/** Forgets all drafts: another person may sign in next. */
export function forgetDrafts(): void {
  writeStored('openmake.drafts', null);
}
