import { describe, expect, it } from 'vitest';
import type { Import } from '@/platform/api/types';
import { notesOf } from './notes';
import { share } from './share';

const JOB: Import = {
  id: '1',
  kind: 'chatgpt',
  file_name: 'export.zip',
  size: 200,
  received: 50,
  status: 'uploading',
  read: 0,
  total: 0,
  conversations: 0,
  messages: 0,
  created_at: '2026-01-01T00:00:00Z',
};

const counts = (classes: Record<string, number>) => ({
  read: 1,
  written: 1,
  merged: 0,
  skipped: 0,
  repaired: 0,
  classes,
});

describe('how much of an import is done', () => {
  it('counts the bytes that have arrived, and then what was read of them', () => {
    expect(share(JOB)).toBe(0.25);
    expect(share({ ...JOB, status: 'running', read: 30, total: 40 })).toBe(0.75);
    expect(share({ ...JOB, status: 'running', read: 50, total: 40 })).toBe(1);
  });

  it('is unknown while nobody knows', () => {
    expect(share({ ...JOB, status: 'waiting' })).toBeNull();
    expect(share({ ...JOB, status: 'running' })).toBeNull();
  });
});

describe('what a person is told of an import', () => {
  it('adds up over the tables and leaves out what is of no use', () => {
    const tables = {
      conversations: counts({ file_left: 2, time_unreadable: 9 }),
      messages: counts({ file_left: 1, deleted_since: 4 }),
    };
    expect(notesOf({ ...JOB, summary: { tables, accounted: true } })).toEqual([
      { name: 'file_left', amount: 3 },
      { name: 'deleted_since', amount: 4 },
    ]);
    expect(notesOf(JOB)).toEqual([]);
  });
});
