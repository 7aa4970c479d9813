import { describe, expect, it } from 'vitest';
import { neighbour, type Press, shortcutOf } from './keys';

const press = (given: Partial<Press>): Press => ({
  key: '',
  code: '',
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...given,
});

describe('shortcuts', () => {
  it('are told by the place of the key, in every layout', () => {
    expect(shortcutOf(press({ ctrlKey: true, code: 'KeyK', key: 'ㅏ' }), true)).toBe('palette');
    expect(shortcutOf(press({ metaKey: true, code: 'KeyK', key: 'k' }), false)).toBe('palette');
    expect(
      shortcutOf(press({ ctrlKey: true, shiftKey: true, code: 'KeyO', key: 'O' }), false),
    ).toBe('new-chat');
  });

  it('leave what is typed alone', () => {
    expect(shortcutOf(press({ shiftKey: true, key: '?' }), true)).toBeNull();
    expect(shortcutOf(press({ shiftKey: true, key: '?' }), false)).toBe('help');
    expect(shortcutOf(press({ key: 'k', code: 'KeyK' }), false)).toBeNull();
    expect(shortcutOf(press({ key: 'ArrowUp' }), false)).toBeNull();
  });

  it('go from conversation to conversation and stop at the ends', () => {
    const ids = ['a', 'b', 'c'];
    expect(neighbour(ids, 'b', 1)).toBe('c');
    expect(neighbour(ids, 'b', -1)).toBe('a');
    expect(neighbour(ids, 'c', 1)).toBeNull();
    expect(neighbour(ids, null, 1)).toBe('a');
    expect(neighbour(ids, 'gone', -1)).toBe('c');
    expect(neighbour([], null, 1)).toBeNull();
  });
});
