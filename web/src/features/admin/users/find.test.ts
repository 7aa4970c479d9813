import { describe, expect, it } from 'vitest';
import type { Account } from '@/platform/api/types';
import { findAccounts } from './find';

const account = (display_name: string, rest: Partial<Account> = {}): Account => ({
  id: display_name,
  display_name,
  email: `${display_name.toLowerCase()}@example.com`,
  role: 'user',
  is_active: true,
  created_at: '2026-01-01T00:00:00Z',
  ...rest,
});

const ALL = [
  account('Mina', { role: 'admin' }),
  account('Joon', { is_active: false }),
  account('김민아', { email: null }),
];
const found = (...asked: [string, 'all' | 'admin' | 'inactive']) =>
  findAccounts(ALL, ...asked).map(({ id }) => id);

describe('finding accounts', () => {
  it('looks for every word in name and e-mail, without case', () => {
    expect(found('MINA example', 'all')).toEqual(['Mina']);
    expect(found('mina joon', 'all')).toEqual([]);
    expect(found('민아', 'all')).toEqual(['김민아']);
  });

  it('shows a part of them', () => {
    expect(found('', 'all')).toHaveLength(3);
    expect(found(' ', 'admin')).toEqual(['Mina']);
    expect(found('', 'inactive')).toEqual(['Joon']);
    expect(found('mina', 'inactive')).toEqual([]);
  });
});
