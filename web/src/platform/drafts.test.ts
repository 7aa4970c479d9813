import { describe, expect, it } from 'vitest';
import { forgetDrafts, readDraft, readDrafts, writeDraft } from './drafts';

describe('drafts', () => {
  it('are kept per conversation', () => {
    writeDraft('a', '가나다');
    writeDraft(null, 'new one');
    expect([readDraft('a'), readDraft('b'), readDraft(null)]).toEqual(['가나다', '', 'new one']);
    writeDraft('a', '');
    expect(readDraft('a')).toBe('');
    expect(readDraft(null)).toBe('new one');
    forgetDrafts();
    expect(readDraft(null)).toBe('');
  });

  it('are bounded: the oldest go', () => {
    for (let index = 0; index < 60; index += 1) writeDraft(`c${index}`, 'text');
    expect(readDraft('c0')).toBe('');
    expect(readDraft('c59')).toBe('text');
    expect(Object.keys(JSON.parse(localStorage.getItem('openmake.drafts') ?? '{}'))).toHaveLength(
      50,
    );
  });

  it('are listed, the newest first', () => {
    writeDraft('a', 'first');
    writeDraft(null, 'second');
    writeDraft('b', ' ');
    expect(readDrafts()).toEqual([
      { slot: 'new', text: 'second' },
      { slot: 'a', text: 'first' },
    ]);
  });

  it('survive a storage that holds nonsense', () => {
    for (const stored of ['{', '[]', 'null', '"x"', '{"new":5}']) {
      localStorage.setItem('openmake.drafts', stored);
      expect(readDraft(null)).toBe('');
    }
  });
});
