'use client';

import katex from 'katex';
import 'katex/contrib/mhchem';
import 'katex/dist/katex.min.css';
import { useLayoutEffect, useRef, useState } from 'react';
import { useScrollStop } from './scroll-stop';

/**
 * Draws TeX. KaTeX's HTML rather than MathML alone: browsers draw MathML with
 * whatever fonts the device has, and phones have none for mathematics. Its
 * hidden MathML is what screen readers read.
 *
 * It is full of style attributes, which the CSP forbids in HTML and allows
 * through the object model: they are parsed under another name and set from
 * there. KaTeX escapes quotes in texts, so the pattern meets attributes only.
 */
function draw(tex: string, display: boolean): Node[] {
  const html = katex.renderToString(tex, {
    displayMode: display,
    throwOnError: true,
    strict: 'ignore',
    trust: false,
    // No rule or space may fill the page, no macro run for ever.
    maxSize: 20,
    maxExpand: 500,
  });
  const { body } = new DOMParser().parseFromString(
    html.replaceAll(' style="', ' data-style="'),
    'text/html',
  );
  for (const element of body.querySelectorAll<HTMLElement>('[data-style]')) {
    element.style.cssText = element.dataset.style ?? '';
    element.removeAttribute('data-style');
  }
  return [...body.childNodes];
}

/** A formula; as it was written where it cannot be read. */
export function Formula({ tex, display }: { tex: string; display: boolean }) {
  const host = useRef<HTMLSpanElement>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useScrollStop(host);
  useLayoutEffect(() => {
    try {
      host.current?.replaceChildren(...draw(tex, display));
      setFailed(null);
    } catch (error) {
      host.current?.replaceChildren();
      setFailed(error instanceof Error ? error.message : String(error));
    }
  }, [tex, display]);
  return (
    <>
      <span ref={host} className={display ? 'md-formula md-formula-block' : 'md-formula'} />
      {failed !== null && <code title={failed}>{tex}</code>}
    </>
  );
}
