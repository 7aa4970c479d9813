import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACTIONS, KINDS } from './actions';

const CRATES = join(import.meta.dirname, '../../../../crates');

function sources(): string[] {
  return readdirSync(CRATES)
    .filter((crate) => crate !== 'testkit')
    .flatMap((crate) => {
      const src = join(CRATES, crate, 'src');
      return readdirSync(src, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.rs'))
        .map((path) => readFileSync(join(src, path), 'utf8'));
    });
}

/** The strings that `pattern` captures anywhere in the server, each once. */
function found(pattern: RegExp): string[] {
  const words = sources().flatMap((source) =>
    [...source.matchAll(pattern)].map(([, word = '']) => word),
  );
  return [...new Set(words)].sort();
}

describe('the acts of the trail', () => {
  it('are all that the server records, and no others', () => {
    // The ways an entry is begun: a handler's context, the nodes' own, and by hand.
    const begun = found(
      /(?:(?:\.success|\.failure|\.denied)\(\s*|\baudit\(\w+, |\baction: )"([a-z_]+\.[a-z_]+)"/g,
    );
    const known = new Set<string>(ACTIONS);
    expect(begun.filter((action) => !known.has(action))).toEqual([]);
    // The other way round, an act may be chosen elsewhere, but it is written somewhere.
    const written = new Set(found(/"([a-z_]+\.[a-z_]+)"/g));
    expect(ACTIONS.filter((action) => !written.has(action))).toEqual([]);
    expect(begun.length).toBeGreaterThan(40);
  });

  it('are done to things that have a name', () => {
    const things = found(/(?:\.on\(\s*|resource_type: Some\()"([a-z_]+)"/g);
    expect([...KINDS].sort()).toEqual(things);
  });
});
