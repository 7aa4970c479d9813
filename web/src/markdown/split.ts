/** A piece of an answer. */
export interface Piece {
  kind: 'markdown' | 'plain';
  text: string;
}

/** Lines beyond this take a Markdown parser quadratic time. */
const LONG_LINE = 8_000;
/** Texts beyond this are shown as they are. */
const LONG_TEXT = 400_000;

/** Sets apart what must not reach the Markdown parser. */
export function splitPieces(text: string): Piece[] {
  if (text.length > LONG_TEXT) return [{ kind: 'plain', text }];
  if (text.length <= LONG_LINE) return [{ kind: 'markdown', text }];
  const pieces: Piece[] = [];
  let from = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found + 1;
    if (end - start > LONG_LINE) {
      if (start > from) pieces.push({ kind: 'markdown', text: text.slice(from, start) });
      pieces.push({ kind: 'plain', text: text.slice(start, end) });
      from = end;
    }
    start = end;
  }
  if (from < text.length) pieces.push({ kind: 'markdown', text: text.slice(from) });
  return pieces;
}
