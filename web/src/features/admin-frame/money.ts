/** The server counts money in millionths of a currency that it does not name. */
const MICRO = 1_000_000;

/** How amounts of money are written; the language does the rest. */
export const MONEY = { minimumFractionDigits: 2, maximumFractionDigits: 6 } as const;

/** Millionths as a number that people read. */
export const fromMicro = (micro: number): number => micro / MICRO;

// All our languages part thousands with a comma and begin decimals with a point:
// a comma elsewhere is refused, for it could mean a thousand times as much.
const AMOUNT = /^(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?$/;
const COUNT = /^(\d+|\d{1,3}([ ,]\d{3})+)$/;

/** What somebody typed, in millionths; `null` where it is no amount. */
export function toMicro(text: string): number | null {
  const trimmed = text.trim();
  if (!AMOUNT.test(trimmed) || !/\d/.test(trimmed)) return null;
  return Math.round(Number(trimmed.replaceAll(',', '')) * MICRO);
}

/** What a field shows for such an amount, never with an exponent. */
export const microText = (micro: number): string =>
  fromMicro(micro)
    .toFixed(6)
    .replace(/\.?0+$/, '');

/** A whole number that somebody typed; `null` where it is none. */
export function toCount(text: string): number | null {
  const trimmed = text.trim();
  return COUNT.test(trimmed) ? Number(trimmed.replace(/[ ,]/g, '')) : null;
}
