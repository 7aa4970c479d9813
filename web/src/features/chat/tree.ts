import type { Message } from '@/platform/api/types';

/** The messages of a conversation, by what they follow. */
export interface Tree {
  byId: Map<string, Message>;
  children: Map<string | null, Message[]>;
}

/** Arranges messages, oldest first, as a tree. */
export function buildTree(messages: readonly Message[]): Tree {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const children = new Map<string | null, Message[]>();
  for (const message of messages) {
    // By its parent also where that one was not read yet.
    const parent = message.parent_id ?? null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(message);
    else children.set(parent, [message]);
  }
  return { byId, children };
}

/** The end of the branch that goes through a message, by way of the newest. */
export function leafBelow(tree: Tree, id: string): string {
  let leaf = id;
  for (let guard = tree.byId.size; guard > 0; guard -= 1) {
    const next = tree.children.get(leaf)?.at(-1);
    if (!next) break;
    leaf = next.id;
  }
  return leaf;
}

/**
 * The branch that ends in, or goes through, `leafId`, as far up as it was read;
 * the one with the newest message where that one is not there.
 */
export function branch(tree: Tree, leafId: string | null): Message[] {
  const start =
    leafId !== null && tree.byId.has(leafId) ? leafId : ([...tree.byId.keys()].at(-1) ?? null);
  if (start === null) return [];
  const path: Message[] = [];
  let at = tree.byId.get(leafBelow(tree, start));
  for (let guard = tree.byId.size; at && guard > 0; guard -= 1) {
    path.push(at);
    at = at.parent_id ? tree.byId.get(at.parent_id) : undefined;
  }
  return path.reverse();
}

/** The messages that stand where this one stands, oldest first, itself among them. */
export function versions(tree: Tree, message: Message): Message[] {
  return (tree.children.get(message.parent_id ?? null) ?? [message]).filter(
    ({ role }) => role === message.role,
  );
}

/** The messages without one of them and all that follows it. */
export function without(messages: readonly Message[], id: string): Message[] {
  const gone = new Set([id]);
  // A message stands after the one that it follows.
  return messages.filter((message) => {
    if (message.parent_id && gone.has(message.parent_id)) gone.add(message.id);
    return !gone.has(message.id);
  });
}

/**
 * The messages that are known, after the end of the shown branch was read: what
 * was read, and above it what is known of the same branch. What was read earlier
 * of other branches, or was deleted since, is left out.
 */
export function withEnd(known: readonly Message[], end: readonly Message[]): Message[] {
  const read = new Set(end.map(({ id }) => id));
  const top = end.find(({ parent_id }) => !parent_id || !read.has(parent_id));
  const byId = new Map(known.map((message) => [message.id, message]));
  const parents = new Set<string | null>();
  let at = top?.parent_id ? byId.get(top.parent_id) : undefined;
  for (let guard = byId.size; at && guard > 0; guard -= 1) {
    const parent: string | null = at.parent_id ?? null;
    parents.add(parent);
    at = parent === null ? undefined : byId.get(parent);
  }
  const above = known.filter(
    ({ id, parent_id }) => !read.has(id) && parents.has(parent_id ?? null),
  );
  return [...above, ...end];
}

/** The messages that are known, after those above them were read. */
export function withOlder(known: readonly Message[], older: readonly Message[]): Message[] {
  const ids = new Set(known.map(({ id }) => id));
  return [...older.filter(({ id }) => !ids.has(id)), ...known];
}
