import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { Texts } from '@/testing/texts';
import { Formula } from './formula';
import { MarkdownRenderer } from './renderer';

function show(text: string) {
  return render(
    <Texts>
      <MarkdownRenderer text={text} live={false} />
    </Texts>,
  ).container;
}

describe('a formula', () => {
  it('is drawn with what a screen reader reads', () => {
    const { container } = render(<Formula tex="\sqrt{x}" display />);
    expect(container.querySelector('.katex-display math annotation')?.textContent).toBe(
      '\\sqrt{x}',
    );
    expect(container.querySelector('[data-style]')).toBeNull();
    expect(container.querySelector<HTMLElement>('.strut')?.style.height).not.toBe('');
  });

  it('that cannot be read is shown as it was written', () => {
    render(<Formula tex="\frac{1" display={false} />);
    expect(screen.getByText('\\frac{1').title).toContain('KaTeX parse error');
  });

  it.each([
    '\\href{javascript:alert(1)}{x}',
    '\\url{javascript:alert(1)}',
    '\\includegraphics{https://evil.example/x.png}',
    '\\htmlStyle{position:fixed}{x}',
    '\\def\\a{\\a\\a}\\a',
  ])('cannot harm with %s', (tex) => {
    const { container } = render(<Formula tex={tex} display={false} />);
    for (const tag of ['a', 'img', '[style*="fixed"]']) {
      expect(container.querySelector(tag), tag).toBeNull();
    }
  });

  it('is found among prose, and not in code or addresses', async () => {
    const page = show(
      'An $a_1$ and `$b$`.\n\n    indented $c$ code\n\n[d](https://d.example/( $e$ )) <i>$f$</i>',
    );
    await screen.findByText('a_1', { selector: 'annotation' });
    expect(page.querySelectorAll('.katex').length).toBeGreaterThanOrEqual(1);
    expect(page.textContent).toContain('$b$');
    expect(page.querySelector('pre')?.textContent).toContain('indented $c$ code');
    expect(page.textContent).not.toMatch(/[\uFDD0-\uFDD4]/);
  });
});
