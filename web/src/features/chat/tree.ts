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
    // One whose parent is not there must still be seen: it starts a root.
    const parent = message.parent_id && byId.has(message.parent_id) ? message.parent_id : null;
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

/** The branch that ends in, or goes through, `leafId`; the newest without one. */
export function branch(tree: Tree, leafId: string | null): Message[] {
  const start = leafId !== null && tree.byId.has(leafId) ? leafId : newestRoot(tree);
  if (start === null) return [];
  const path: Message[] = [];
  let at = tree.byId.get(leafBelow(tree, start));
  for (let guard = tree.byId.size; at && guard > 0; guard -= 1) {
    path.push(at);
    at = at.parent_id ? tree.byId.get(at.parent_id) : undefined;
  }
  return path.reverse();
}

function newestRoot(tree: Tree): string | null {
  return tree.children.get(null)?.at(-1)?.id ?? null;
}

/** The messages that stand where this one stands, oldest first, itself among them. */
export function versions(tree: Tree, message: Message): Message[] {
  const parent = message.parent_id && tree.byId.has(message.parent_id) ? message.parent_id : null;
  return (tree.children.get(parent) ?? [message]).filter(({ role }) => role === message.role);
}
