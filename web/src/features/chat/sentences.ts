/** The end of the last whole sentence of a text that still grows. */
export function sentenceEnd(text: string): number {
  const found = text.matchAll(/[.!?…](?=\s)|[。！？]|\n/gu);
  let end = 0;
  for (const match of found) end = match.index + match[0].length;
  return end;
}

/** A piece of Markdown as one would read it aloud. */
export function spoken(markdown: string): string {
  return markdown
    .replace(/```[^\n]*\n?/g, ' ')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^\s{0,3}(?:#{1,6}|>|[-*+]|\d+[.)])\s+/gm, '')
    .replace(/[*_`~|]+/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
