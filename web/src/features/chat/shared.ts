/** As much of what was shared is taken; the composer takes no more either. */
const LONGEST = 200_000;

/**
 * What another app shared with this one (the manifest's `share_target`), as
 * the text of a question, from a query string: the title, the text and the address that it names,
 * each once. `null` where nothing was shared.
 */
export function sharedText(search: string): string | null {
  const query = new URLSearchParams(search);
  const parts: string[] = [];
  for (const name of ['title', 'text', 'url']) {
    const part = query.get(name)?.trim() ?? '';
    // Many apps put the address, or the title, into the text as well.
    if (part !== '' && !parts.some((other) => other.includes(part))) parts.push(part);
  }
  const [first = '', second = ''] = parts;
  if (parts.length > 1 && second.includes(first)) parts.shift();
  return parts.length === 0 ? null : parts.join('\n\n').slice(0, LONGEST);
}
