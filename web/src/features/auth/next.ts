/** Where to go after signing in: only to a page of ours. */
export function safeNext(next: string | null): string {
  if (next === null || !next.startsWith('/')) return '/chat';
  const base = 'http://here.invalid';
  if (!URL.canParse(next, base)) return '/chat';
  const url = new URL(next, base);
  if (url.origin !== base || /^\/(login|register|reset-password|setup)(\/|$)/.test(url.pathname))
    return '/chat';
  return `${url.pathname}${url.search}`;
}
