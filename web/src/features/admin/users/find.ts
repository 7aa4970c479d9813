import type { Account } from '@/platform/api/types';

/** What part of the accounts is shown. */
export const SHOWN = ['all', 'admin', 'inactive'] as const;
export type Shown = (typeof SHOWN)[number];

/** The accounts of a kind in whose name or e-mail every word occurs. */
export function findAccounts(accounts: readonly Account[], text: string, shown: Shown): Account[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return accounts.filter((account) => {
    if (shown === 'admin' && account.role !== 'admin') return false;
    if (shown === 'inactive' && account.is_active) return false;
    const all = `${account.display_name} ${account.email ?? ''}`.toLocaleLowerCase();
    return words.every((word) => all.includes(word));
  });
}
