import type { Message } from '@/platform/api/types';
import type { Tree } from './tree';

/** Two answers to one question that are being compared. */
export interface Pair {
  /** What the conversation goes on from until another is kept. */
  first: Message;
  second: Message;
}

/** The comparison that an answer is one side of, as long as none of the two is kept. */
export function pairOf(tree: Tree, answer: Message | undefined): Pair | null {
  if (answer?.role !== 'assistant') return null;
  const siblings = tree.children.get(answer.parent_id ?? null) ?? [];
  const second = siblings.find(
    ({ comparing, beside_id, id }) =>
      comparing && beside_id && (id === answer.id || beside_id === answer.id),
  );
  const first = siblings.find(({ id }) => id === second?.beside_id);
  return first && second ? { first, second } : null;
}

/** The messages with a comparison over: one is kept, or gone on from. */
export function closed(messages: readonly Message[], answerId: string): Message[] {
  return messages
    .filter(
      ({ comparing, beside_id, id }) =>
        comparing && (id === answerId || (beside_id ?? null) === answerId),
    )
    .map((message) => ({ ...message, comparing: false }));
}

/** What becomes of a comparison when one side is asked again: the new answer takes its place. */
export function replaced(
  messages: readonly Message[],
  old: Message,
  answer: Message,
): { messages: Message[]; leads: boolean } {
  if (old.comparing && old.beside_id) {
    return {
      messages: [
        { ...old, comparing: false },
        { ...answer, comparing: true, beside_id: old.beside_id },
      ],
      leads: false,
    };
  }
  const second = messages.find(
    ({ comparing, beside_id }) => comparing && (beside_id ?? null) === old.id,
  );
  return {
    messages: [...(second ? [{ ...second, beside_id: answer.id }] : []), answer],
    leads: true,
  };
}
