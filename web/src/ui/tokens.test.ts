import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const CSS = readFileSync(join(import.meta.dirname, '../app/tokens.css'), 'utf8');

/** The variables of one theme. */
function theme(selector: string): Map<string, string> {
  const block = CSS.slice(CSS.indexOf(selector)).match(/\{([^}]*)\}/)?.[1] ?? '';
  return new Map(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1] ?? '', m[2] ?? '']),
  );
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const SURFACES = ['bg', 'sidebar', 'card', 'bubble', 'code'];
const TEXTS = ['text', 'text-soft', 'text-muted', 'accent-text', 'success', 'warning', 'danger'];

describe.each(['[data-theme="dark"]', '[data-theme="light"]'])('the theme %s', (selector) => {
  const tokens = theme(selector);
  const of = (name: string) => {
    const value = tokens.get(name);
    if (!value) throw new Error(`${name} is not in ${selector}`);
    return value;
  };

  it.each(SURFACES)('can be read on %s', (surface) => {
    for (const text of TEXTS) {
      expect(contrast(of(text), of(surface)), `${text} on ${surface}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('can be read on its buttons', () => {
    for (const fill of ['button-from', 'button-to', 'danger-fill']) {
      expect(contrast(of('on-button'), of(fill)), fill).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('colours code so that it can be read', () => {
    for (const [name, value] of tokens) {
      if (!name.startsWith('shiki-')) continue;
      expect(contrast(value, of('code')), name).toBeGreaterThanOrEqual(4.5);
    }
  });
});
