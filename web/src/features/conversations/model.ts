import type { Conversation } from '@/platform/api/types';

/** Under which heading a conversation stands. */
export type Group = 'pinned' | 'today' | 'yesterday' | 'week' | 'month' | 'older';

const ORDER: readonly Group[] = ['pinned', 'today', 'yesterday', 'week', 'month', 'older'];

/** The heading of a time, by days as the device counts them. */
function groupOf(time: Date, now: Date): Exclude<Group, 'pinned'> {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const daysBefore = (days: number) =>
    new Date(midnight.getFullYear(), midnight.getMonth(), midnight.getDate() - days);
  if (time >= midnight) return 'today';
  if (time >= daysBefore(1)) return 'yesterday';
  if (time >= daysBefore(7)) return 'week';
  if (time >= daysBefore(30)) return 'month';
  return 'older';
}

/** Conversations under their headings, in the order that they come in. */
export function groupConversations(
  conversations: readonly Conversation[],
  now: Date,
): { group: Group; items: Conversation[] }[] {
  const groups = new Map<Group, Conversation[]>();
  const seen = new Set<string>();
  for (const conversation of conversations) {
    // A row that moved up while pages were read may come twice.
    if (seen.has(conversation.id)) continue;
    seen.add(conversation.id);
    const group = conversation.pinned ? 'pinned' : groupOf(new Date(conversation.updated_at), now);
    const items = groups.get(group);
    if (items) items.push(conversation);
    else groups.set(group, [conversation]);
  }
  return ORDER.flatMap((group) => {
    const items = groups.get(group);
    return items ? [{ group, items }] : [];
  });
}

/** A text in pieces, marked where a search matched. */
export function highlighted(
  text: string,
  highlights: readonly { start: number; end: number }[],
): { text: string; marked: boolean; at: number }[] {
  const pieces: { text: string; marked: boolean; at: number }[] = [];
  let at = 0;
  for (const { start, end } of [...highlights].sort((a, b) => a.start - b.start)) {
    if (start < at || end <= start || end > text.length) continue;
    if (start > at) pieces.push({ text: text.slice(at, start), marked: false, at });
    pieces.push({ text: text.slice(start, end), marked: true, at: start });
    at = end;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), marked: false, at });
  return pieces;
}
