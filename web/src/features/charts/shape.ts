/** How the drawing is scaled inside; the page stretches it. */
export const HEIGHT = 120;
export const STEP = 10;

export const TONES = {
  accent: { fill: 'fill-accent', stroke: 'stroke-accent', swatch: 'bg-accent' },
  success: { fill: 'fill-success', stroke: 'stroke-success', swatch: 'bg-success' },
  warning: { fill: 'fill-warning', stroke: 'stroke-warning', swatch: 'bg-warning' },
  danger: { fill: 'fill-danger', stroke: 'stroke-danger', swatch: 'bg-danger' },
  muted: { fill: 'fill-muted', stroke: 'stroke-muted', swatch: 'bg-muted' },
} as const;

/** One row of numbers over time; `null` where nothing is known. */
export interface Series {
  name: string;
  tone: keyof typeof TONES;
  values: readonly (number | null)[];
}

/** What the top of the chart stands for: never 0, so that a quiet time is flat. */
export function topOf(series: readonly Series[], kind: 'bars' | 'lines'): number {
  const length = series[0]?.values.length ?? 0;
  let top = 0;
  for (let at = 0; at < length; at += 1) {
    const values = series.map(({ values: all }) => all[at] ?? 0);
    const height =
      kind === 'bars' ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
    if (height > top) top = height;
  }
  return top === 0 ? 1 : top;
}

/** A line's path. It breaks where nothing is known; a lonely point is a dash. */
export function pathOf(values: readonly (number | null)[], top: number): string {
  const y = (value: number) => Math.round((1 - value / top) * HEIGHT * 100) / 100;
  let path = '';
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? null;
    if (value === null) continue;
    const before = values[at - 1] ?? null;
    const after = values[at + 1] ?? null;
    const x = at * STEP + STEP / 2;
    if (before !== null) path += `L${x} ${y(value)}`;
    else if (after !== null) path += `M${x} ${y(value)}`;
    else path += `M${x - STEP / 2} ${y(value)}h${STEP}`;
  }
  return path;
}

/** Where nothing at all is known, as runs of places: first, and how many. */
export function gapsOf(series: readonly Series[]): { from: number; count: number }[] {
  const length = series[0]?.values.length ?? 0;
  const gaps: { from: number; count: number }[] = [];
  for (let at = 0; at < length; at += 1) {
    if (series.some(({ values }) => values[at] !== null && values[at] !== undefined)) continue;
    const last = gaps.at(-1);
    if (last && last.from + last.count === at) last.count += 1;
    else gaps.push({ from: at, count: 1 });
  }
  return gaps;
}
