import { toCount } from '@/features/admin-frame';
import type { Limit, SetLimit } from '@/platform/api/types';

/** Pictures are measured in KiB, for nobody thinks in bytes. */
export const unitOf = (name: Limit['name']): number => (name === 'image_bytes' ? 1_024 : 1);

/** What a field shows for a limit; nothing where it is as configured. */
export const textOf = ({ name, value }: Limit): string =>
  value === null || value === undefined ? '' : String(Math.round(value / unitOf(name)));

/** What was typed: `null` is as configured, `undefined` is no such amount. */
export function amountOf(limit: Limit, text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const count = toCount(text);
  if (count === null) return undefined;
  const amount = count * unitOf(limit.name);
  return amount >= limit.minimum && amount <= limit.maximum ? amount : undefined;
}

/** What is to be set of what was typed; `null` while something of it cannot be. */
export function changesOf(
  limits: readonly Limit[],
  texts: Readonly<Record<string, string>>,
): SetLimit[] | null {
  const changes: SetLimit[] = [];
  for (const limit of limits) {
    const text = texts[limit.name];
    if (text === undefined || text === textOf(limit)) continue;
    const value = amountOf(limit, text);
    if (value === undefined) return null;
    if (value !== (limit.value ?? null)) changes.push({ name: limit.name, value });
  }
  return changes;
}
