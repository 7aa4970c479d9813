/** Where a link of an answer may lead. */
const LINKS = new Set(['http:', 'https:', 'mailto:']);
const DATA_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=]+$/i;

/** The address of a link that may be followed, or `null`. */
export function safeLink(href: unknown): string | null {
  if (typeof href !== 'string') return null;
  // Relative ones would lead into our own pages, which no model knows.
  const url = URL.canParse(href) ? new URL(href) : null;
  return url && LINKS.has(url.protocol) ? url.href : null;
}

/**
 * The address of an image that may be shown without a request to anyone: an
 * image elsewhere would tell its host what was said.
 */
export function safeImage(src: unknown): string | null {
  return typeof src === 'string' && DATA_IMAGE.test(src) ? src : null;
}
