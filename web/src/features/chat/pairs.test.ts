import { describe, expect, it } from 'vitest';
import { message } from '@/testing/builders';
import { closed, pairOf, replaced } from './pairs';
import { buildTree } from './tree';

const first = message({ id: 'a', parent_id: 'q', role: 'assistant' });
const second = message({
  id: 'b',
  parent_id: 'q',
  role: 'assistant',
  beside_id: 'a',
  comparing: true,
});
const MESSAGES = [message({ id: 'q' }), first, second];

describe('two answers that are compared', () => {
  it('are found from either side', () => {
    const tree = buildTree(MESSAGES);
    expect(pairOf(tree, first)).toEqual({ first, second });
    expect(pairOf(tree, second)).toEqual({ first, second });
    expect(pairOf(tree, MESSAGES[0])).toBeNull();
    expect(pairOf(tree, undefined)).toBeNull();
  });

  it('are two versions like any others when one is kept, or one is gone', () => {
    const kept = { ...second, comparing: false };
    expect(pairOf(buildTree([first, kept]), first)).toBeNull();
    expect(pairOf(buildTree([second]), second)).toBeNull();
    expect(closed(MESSAGES, 'a')).toEqual([kept]);
    expect(closed(MESSAGES, 'b')).toEqual([kept]);
    expect(closed(MESSAGES, 'q')).toEqual([]);
  });

  it('let another answer take the place of one that is asked again', () => {
    const answer = message({ id: 'c', parent_id: 'q', role: 'assistant' });
    const instead = replaced(MESSAGES, second, answer);
    expect(instead.leads).toBe(false);
    expect(instead.messages).toEqual([
      { ...second, comparing: false },
      { ...answer, comparing: true, beside_id: 'a' },
    ]);
    const leading = replaced(MESSAGES, first, answer);
    expect(leading.leads).toBe(true);
    expect(leading.messages).toEqual([{ ...second, beside_id: 'c' }, answer]);
    expect(replaced([first], first, answer).messages).toEqual([answer]);
  });
});
