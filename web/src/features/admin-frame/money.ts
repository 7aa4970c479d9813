/** The server counts money in millionths of a currency that it does not name. */
const MICRO = 1_000_000;

/** How amounts of money are written; the language does the rest. */
export const MONEY = { minimumFractionDigits: 2, maximumFractionDigits: 6 } as const;

/** Millionths as a number that people read. */
export const fromMicro = (micro: number): number => micro / MICRO;

/** What somebody typed, in millionths; `null` where it is no amount. */
export function toMicro(text: string): number | null {
  const trimmed = text.trim();
  if (!/^\d+([.,]\d*)?$|^[.,]\d+$/.test(trimmed)) return null;
  return Math.round(Number(trimmed.replace(',', '.')) * MICRO);
}

/** What a field shows for such an amount, never with an exponent. */
export const microText = (micro: number): string =>
  fromMicro(micro)
    .toFixed(6)
    .replace(/\.?0+$/, '');

/** A whole number that somebody typed; `null` where it is none. */
export function toCount(text: string): number | null {
  const plain = text.trim().replace(/[\s,._']/g, '');
  return /^\d+$/.test(plain) ? Number(plain) : null;
}
