import { describe, expect, it } from 'vitest';
import { FormulaMarker, formulaOf, unmarkFormulas } from './formulas';

function markFormulas(text: string, live: boolean): string {
  return new FormulaMarker().mark(text, live);
}

/** The formulas of a text, as they will be read from its code spans. */
function formulas(text: string, live = false) {
  return [...markFormulas(text, live).matchAll(/`([\uFDD0-\uFDD4][^`]*)`/g)].map(
    ([, code = '']) => {
      const found = formulaOf(code);
      return `${found?.pending ? '…' : found?.display ? 'block' : 'inline'} ${found?.tex}`;
    },
  );
}

describe('formulas', () => {
  it('are found in every way of writing them', () => {
    expect(formulas('The area is $A = \\pi r^2$, and $x$.')).toEqual([
      'inline A = \\pi r^2',
      'inline x',
    ]);
    expect(formulas('면적은 $a_1$이고, the $n$th of \\(b_2\\)')).toEqual([
      'inline a_1',
      'inline n',
      'inline b_2',
    ]);
    expect(formulas('so\n$$\na \\\\[4pt] % why\n+ b\n$$\nand \\[ c = d \\]')).toEqual([
      'block a \\\\[4pt] + b',
      'block c = d',
    ]);
    expect(formulas('> $$\n> q\n> $$')).toEqual(['block q']);
    expect(formulas('- \\[ x \\]\n- $y$')).toEqual(['block x', 'inline y']);
  });

  it.each([
    'It costs $5 and $10.',
    'from $5-$10, or US$5 to US$10',
    '$5 for one or 3 for 12$',
    '`$a$` and ``$b$``',
    '```sh\necho $a $b$\n```',
    '~~~\n$$\nx\n$$\n~~~',
    'echo $HOME/bin:$PATH',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell has it
    '${a}/${b}',
    '\\$a$ and \\\\(b\\\\)',
    'as was shown \\[1\\] there',
    'https://a.example/?$filter=x$',
    '$$\n\nx\n\n$$',
    '$ a $',
  ])('are not seen in %s', (text) => {
    expect(markFormulas(text, false)).toBe(text);
  });

  it('keep the cells of a table apart', () => {
    expect(markFormulas('| a | b |\n|---|---|\n| $|x|$ | $y$ |', false)).toBe(
      '| a | b |\n|---|---|\n| `\uFDD0\\|x\\|` | `\uFDD0y` |',
    );
  });

  it('that are still written are set apart only while they may go on', () => {
    expect(formulas('so $$\\int_0', true)).toEqual(['… $$\\int_0']);
    expect(formulas('so $\\frac{a', true)).toEqual(['… $\\frac{a']);
    expect(formulas('so \\[ a', true)).toEqual(['… \\[ a']);
    expect(formulas('so $$\\int_0', false)).toEqual([]);
    expect(formulas('so $$\\int_0\n\nnext', true)).toEqual([]);
    expect(formulas('costs $5 and', true)).toEqual([]);
  });

  it('are given back as they were written', () => {
    for (const text of ['$a$', '$$b$$', '\\(c\\)', '\\[d_1\\]']) {
      expect(unmarkFormulas(markFormulas(text, false))).toBe(text);
    }
  });

  it('are the same in a text that grows as in one that is whole', () => {
    const text =
      'A $a$ b.\n\n$$\nx\n$$\n\nThen \\(c\\) and $5.\n\n- $d$\n\n```sh\n$e$\n\n$f$\n```\n$g$\n\n| $h$ |\n|---|\n| $i$ |\nend $j$';
    const marker = new FormulaMarker();
    for (let end = 0; end <= text.length; end += 1) {
      const part = text.slice(0, end);
      expect(marker.mark(part, true)).toBe(markFormulas(part, true));
    }
    expect(marker.mark('another $k$', false)).toBe('another `\uFDD0k`');
  });

  it('cost what the text is long, whatever it holds', () => {
    for (const piece of ['\\[', '\\(', '$a ', '$$ ', '` `` ', '$`', '\\']) {
      const line = piece.repeat(1_000);
      const text = `${line}\n`.repeat(100);
      // The square of the length would outlast the test's time.
      expect(markFormulas(text, true).length, piece).toBeGreaterThanOrEqual(text.length);
    }
  });
});
