/*
 * Mathematics in Markdown. Formulas become code spans before the parser sees
 * them: nothing inside is then read as emphasis, a list or a table cell, a
 * formula that is being written needs no repair, and no parser extension is
 * needed. A noncharacter, which no text has, tells them from code.
 */

const DELIMITERS = [
  { open: '$', close: '$', mark: '\uFDD0', display: false },
  { open: '$$', close: '$$', mark: '\uFDD1', display: true },
  { open: '\\(', close: '\\)', mark: '\uFDD2', display: false },
  { open: '\\[', close: '\\]', mark: '\uFDD3', display: true },
] as const;
type Delimiter = (typeof DELIMITERS)[number];
const [DOLLAR, DOLLARS, PAREN, BRACKET] = DELIMITERS;

/** Stands before one whose end is not written yet. */
const PENDING = '\uFDD4';
const MARKED = /`([\uFDD0-\uFDD4])([^`\n]*)`/g;

/** Longer ones are text; it also bounds what an unmatched delimiter costs. */
const LONGEST_INLINE = 500;
const LONGEST = 8_000;

const BLANK = /^[\s>]*$/;
const FENCE = /^[\s>]*(?:(?:[-*+]|\d+[.)])\s+)?(`{3,}|~{3,})/;
const TABLE_ROW = /^[\s>]*\|/;
/** Before a `$` that belongs to an address, a path or a word. */
const INSIDE_WORD = /[A-Za-z0-9_/?&=%#~.\\]/;
const CANDIDATE = /\$|\\[([]/;

/** What a code span holds, if it is a formula. */
export interface Formula {
  tex: string;
  display: boolean;
  pending: boolean;
}

/** Reads a code span that `markFormulas` made. */
export function formulaOf(code: string): Formula | null {
  if (code.startsWith(PENDING)) return { tex: code.slice(1), display: false, pending: true };
  const found = DELIMITERS.find(({ mark }) => code.startsWith(mark));
  return found ? { tex: code.slice(1), display: found.display, pending: false } : null;
}

/** Gives back what was written, where a code span turned out to be something else. */
export function unmarkFormulas(text: string): string {
  return text.replace(MARKED, (_, mark: string, tex: string) => {
    const found = DELIMITERS.find((one) => one.mark === mark);
    return found ? found.open + tex + found.close : tex;
  });
}

/**
 * Whether `$…$` is an amount of money or a variable of a shell: the rules of
 * Pandoc, and prose after a number.
 */
function isFormula(tex: string, before: string, after: string): boolean {
  if (/^\s|\s$/.test(tex) || tex === '') return false;
  if (INSIDE_WORD.test(before)) return false;
  if (/^(?!(?:th|st|nd|rd|s)\b)[A-Za-z0-9_{]/.test(after)) return false;
  return !(/^[\d.,]/.test(tex) && /\s\p{L}{2,}/u.test(tex) && !/[\\^_={}]/.test(tex));
}

/** Where the closing delimiter begins, or -1; a backslash hides what follows it. */
function findClose(text: string, from: number, { open, close }: Delimiter): number {
  const most = Math.min(text.length, from + (open === '$' ? LONGEST_INLINE : LONGEST));
  for (let at = from; at < most; at += 1) {
    if (text.startsWith(close, at)) return at;
    // One within another is no formula, and looking on would cost the square.
    if (text.startsWith(open, at)) return -1;
    if (open === '$' && text[at] === '\n') return -1;
    if (text[at] === '\\') at += 1;
  }
  return -1;
}

/** One line of TeX: without comments, which would hide the rest, and quote marks. */
function oneLine(tex: string, quoted: boolean): string {
  if (!tex.includes('\n')) return tex;
  return tex
    .split('\n')
    .map((line) => (quoted ? line.replace(/^\s*(?:>\s?)+/, '') : line))
    .map((line) => line.replace(/(?<!\\)%.*$/, '').trim())
    .filter((line) => line !== '')
    .join(' ');
}

function span(mark: string, tex: string, row: boolean): string {
  return `\`${mark}${row ? tex.replace(/(?<!\\)\|/g, '\\|') : tex}\``;
}

function delimiterAt(text: string, at: number): Delimiter | null {
  if (text[at] === '$') return text[at + 1] === '$' ? DOLLARS : DOLLAR;
  if (text.startsWith(PAREN.open, at)) return PAREN;
  return text.startsWith(BRACKET.open, at) ? BRACKET : null;
}

/** `\[1\]` in a sentence is a bracket that Markdown must not read, not a formula. */
function isEscape(tex: string, text: string, at: number): boolean {
  const before = text.slice(text.lastIndexOf('\n', at) + 1, at);
  return !/^[\s>]*(?:(?:[-*+]|\d+[.)])\s+)?$/.test(before) && !/[\\^_=]/.test(tex);
}

/** Where a code span that begins here ends, or its opening run if it never does. */
function codeEnd(text: string, at: number, lastRuns: ReadonlyMap<number, number>): number {
  const run = /`+/y;
  run.lastIndex = at;
  const length = run.exec(text)?.[0].length ?? 1;
  const begin = at + length;
  if ((lastRuns.get(length) ?? -1) < begin) return begin;
  for (const { 0: ticks, index } of text.slice(begin).matchAll(/`+/g)) {
    if (ticks.length === length) return begin + index + length;
  }
  return begin;
}

/** The formula that begins here, and where it ends. */
function finished(
  text: string,
  at: number,
  delimiter: Delimiter,
): { raw: string; end: number } | null {
  const start = at + delimiter.open.length;
  const close = findClose(text, start, delimiter);
  if (close < 0) return null;
  const raw = text.slice(start, close);
  const end = close + delimiter.close.length;
  if (raw.includes('`') || raw.trim() === '') return null;
  if (delimiter === DOLLAR && !isFormula(raw, text[at - 1] ?? '', text.slice(end, end + 8)))
    return null;
  return delimiter === BRACKET && isEscape(raw, text, at) ? null : { raw, end };
}

/** Marks the formulas of lines that belong together. */
function markLines(text: string, pending: boolean): string {
  if (!CANDIDATE.test(text)) return text;
  const quoted = /^\s*>/.test(text);
  const row = TABLE_ROW.test(text);
  // Where the last run of so many backticks is: without one no code span ends.
  const lastRuns = new Map([...text.matchAll(/`+/g)].map((run) => [run[0].length, run.index]));
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const delimiter = delimiterAt(text, at);
    if (delimiter === null) {
      if (text[at] === '`') at = codeEnd(text, at, lastRuns);
      else at += text[at] === '\\' ? 2 : 1;
      continue;
    }
    const found = finished(text, at, delimiter);
    if (found) {
      out += text.slice(from, at) + span(delimiter.mark, oneLine(found.raw, quoted).trim(), row);
      at = found.end;
      from = at;
    } else if (pending && mayBegin(text, at, delimiter)) {
      return out + text.slice(from, at) + span(PENDING, oneLine(text.slice(at), quoted), row);
    } else {
      at += delimiter.open.length;
    }
  }
  return out + text.slice(from);
}

/** Whether the rest looks like a formula whose end is still to come. */
function mayBegin(text: string, at: number, delimiter: Delimiter): boolean {
  const start = at + delimiter.open.length;
  if (text.length - start > LONGEST || text.indexOf(delimiter.close, start) >= 0) return false;
  const raw = text.slice(start);
  if (raw.includes('`')) return false;
  if (delimiter !== DOLLAR) return delimiter === DOLLARS || raw.trim() !== '';
  const before = text[at - 1] ?? '';
  return !raw.includes('\n') && /^\S*[\\^_]/.test(raw) && !INSIDE_WORD.test(before);
}

/** Whether a line begins a fence; backticks after them make it a code span. */
function fenceOf(line: string): string | null {
  const ticks = FENCE.exec(line)?.[1];
  if (!ticks) return null;
  const rest = line.slice(line.indexOf(ticks) + ticks.length);
  return ticks.startsWith('`') && rest.includes('`') ? null : ticks;
}

/** What of a text will never be read another way, whatever follows. */
interface Settled {
  input: string;
  output: string;
  fence: string | null;
}

const NOTHING: Settled = { input: '', output: '', fence: null };

/** Reads lines on from where a text is settled, and says to where it is now. */
function markRest(settled: Settled, text: string, live: boolean): [string, Settled] {
  let { output, fence } = settled;
  let now = settled;
  let open: string[] = [];
  const flush = (last: boolean) => {
    if (open.length > 0) output += markLines(open.join(''), live && last);
    open = [];
  };
  for (let at = settled.input.length; at < text.length; ) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found + 1;
    const line = text.slice(at, end);
    at = end;
    if (fence !== null) {
      if (FENCE.exec(line)?.[1]?.startsWith(fence) && /[`~]\s*$/.test(line)) fence = null;
      output += line;
    } else if (BLANK.test(line) || TABLE_ROW.test(line) || fenceOf(line) !== null) {
      flush(false);
      fence = fenceOf(line);
      output += TABLE_ROW.test(line) ? markLines(line, false) : line;
    } else {
      open.push(line);
      continue;
    }
    if (found >= 0) now = { input: text.slice(0, end), output, fence };
  }
  flush(true);
  return [output, now];
}

/**
 * Turns `$…$`, `$$…$$`, `\(…\)` and `\[…\]` into marked code spans. A blank
 * line ends a formula, as it does in TeX. One that is still being written at
 * the end of a live text is set apart too. It remembers what it read, so that
 * a text that grows costs what is new.
 */
export class FormulaMarker {
  #settled = NOTHING;

  mark(text: string, live: boolean): string {
    if (!CANDIDATE.test(text)) return text;
    const from = text.startsWith(this.#settled.input) ? this.#settled : NOTHING;
    const [output, settled] = markRest(from, text, live);
    this.#settled = settled;
    return output;
  }
}
