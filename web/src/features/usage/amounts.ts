'use client';

import { useFormatter } from 'use-intl';
import type { Measure } from './model';

const MILLION = 1_000_000;

/** Says an amount in the reader's language. The currency has no name: it is the operator's. */
export function useAmounts() {
  const format = useFormatter();
  return (value: number, measure: Measure): string =>
    measure === 'cost'
      ? format.number(value / MILLION, { minimumFractionDigits: 2, maximumFractionDigits: 4 })
      : format.number(value);
}
