import { describe, expect, it } from 'vitest';
import { message } from '@/testing/builders';
import { branch, buildTree, leafBelow, versions, withEnd, withOlder, without } from './tree';

// q1 ─ a1 ─ q2 ─ a2
//    │      └ q2b ─ a2b
//    └ a1b
const MESSAGES = [
  message({ id: 'q1' }),
  message({ id: 'a1', parent_id: 'q1', role: 'assistant' }),
  message({ id: 'q2', parent_id: 'a1' }),
  message({ id: 'a2', parent_id: 'q2', role: 'assistant' }),
  message({ id: 'q2b', parent_id: 'a1' }),
  message({ id: 'a2b', parent_id: 'q2b', role: 'assistant' }),
  message({ id: 'a1b', parent_id: 'q1', role: 'assistant' }),
];
const tree = buildTree(MESSAGES);
const ids = (leaf: string | null) => branch(tree, leaf).map(({ id }) => id);

const names = (messages: readonly { id: string }[]) => messages.map(({ id }) => id).join(' ');

describe('what is known of a long conversation', () => {
  // 1 ─ 2 ─ 3 ─ 4 ─ 5 ─ 6, and 3b beside 3 with something below it.
  const all = ['1', '2', '3', '4', '5', '6'].map((id, at) =>
    message({ id, parent_id: at === 0 ? null : String(at) }),
  );
  const beside = message({ id: '3b', parent_id: '2' });
  const below = message({ id: '4b', parent_id: '3b' });

  it('keeps what was read above the end, with its versions', () => {
    const known = [...all.slice(1, 3), beside, ...all.slice(3)];
    expect(names(withEnd(known, all.slice(4)))).toBe('2 3 3b 4 5 6');
    expect(names(withEnd([...known, below], all.slice(4)))).toBe('2 3 3b 4 5 6');
  });

  it('lets go of what was deleted, and of other branches', () => {
    expect(names(withEnd(all, all.slice(1, 4)))).toBe('1 2 3 4');
    expect(names(withEnd(all, [beside, below]))).toBe('1 2 3b 4b');
    expect(names(withEnd(all, [message({ id: 'x', parent_id: 'unknown' })]))).toBe('x');
    expect(withEnd(all, [])).toEqual([]);
  });

  it('grows upwards, nothing twice', () => {
    expect(names(withOlder(all.slice(2), all.slice(0, 4)))).toBe('1 2 3 4 5 6');
  });

  it('is shown as far up as it was read, with the versions of its first', () => {
    const tree = buildTree([all[2], beside, ...all.slice(3)].filter((one) => one !== undefined));
    expect(names(branch(tree, '6'))).toBe('3 4 5 6');
    expect(names(versions(tree, beside))).toBe('3 3b');
  });

  it('loses a message with all that follows', () => {
    expect(names(without([...all, below, beside], '3'))).toBe('1 2 4b 3b');
    expect(without(all, '1')).toEqual([]);
  });
});

describe('the tree of a conversation', () => {
  it('shows the branch that ends in the leaf', () => {
    expect(ids('a2')).toEqual(['q1', 'a1', 'q2', 'a2']);
    expect(ids('a2b')).toEqual(['q1', 'a1', 'q2b', 'a2b']);
    expect(ids('a1b')).toEqual(['q1', 'a1b']);
  });

  it('goes on to the end below a message within a branch, by the newest', () => {
    expect(ids('a1')).toEqual(['q1', 'a1', 'q2b', 'a2b']);
    expect(leafBelow(tree, 'q2')).toBe('a2');
  });

  it('shows the newest branch when no leaf is known', () => {
    expect(ids(null)).toEqual(['q1', 'a1b']);
    expect(ids('gone')).toEqual(['q1', 'a1b']);
  });

  it('counts the versions of a message among those of its role', () => {
    const names = (id: string) =>
      versions(tree, tree.byId.get(id) ?? message({ id })).map((version) => version.id);
    expect(names('a1')).toEqual(['a1', 'a1b']);
    expect(names('q2b')).toEqual(['q2', 'q2b']);
    expect(names('q1')).toEqual(['q1']);
  });

  it('shows a message whose parent is missing', () => {
    const orphan = buildTree([message({ id: 'x', parent_id: 'gone' })]);
    expect(branch(orphan, 'x').map(({ id }) => id)).toEqual(['x']);
  });

  it('is empty for no messages, and ends for messages in a circle', () => {
    expect(branch(buildTree([]), null)).toEqual([]);
    const circle = buildTree([
      message({ id: 'a', parent_id: 'b' }),
      message({ id: 'b', parent_id: 'a' }),
    ]);
    expect(branch(circle, 'a').length).toBeLessThanOrEqual(2);
  });
});
