import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { createQueryClient } from '@/platform/query/client';
import { Texts } from '@/testing/texts';
import { highlight } from './highlight';
import { safeImage, safeLink } from './links';
import { MarkdownRenderer } from './renderer';
import { splitPieces } from './split';

function show(text: string, live = false) {
  return render(
    <QueryClientProvider client={createQueryClient()}>
      <Texts>
        <MarkdownRenderer text={text} live={live} />
      </Texts>
    </QueryClientProvider>,
  ).container;
}

describe('links and images of an answer', () => {
  it('lead only where a link may lead', () => {
    expect(safeLink('https://a.example/b?c=d')).toBe('https://a.example/b?c=d');
    expect(safeLink('mailto:a@b.example')).toBe('mailto:a@b.example');
    for (const bad of [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'java\nscript:alert(1)',
      'data:text/html,<script>',
      'vbscript:x',
      'file:///etc/passwd',
      '/api/v1/auth/logout',
      '//evil.example',
      '',
      null,
      undefined,
      5,
    ]) {
      expect(safeLink(bad), String(bad)).toBeNull();
    }
  });

  it('ask nobody for an image', () => {
    expect(safeImage('data:image/png;base64,AAAA')).toBe('data:image/png;base64,AAAA');
    for (const bad of [
      'https://evil.example/x.png?secret',
      'data:image/svg+xml;base64,AAAA',
      'data:text/html;base64,AAAA',
      'data:image/png;base64,AA"onerror=',
    ]) {
      expect(safeImage(bad), bad).toBeNull();
    }
  });
});

describe('Markdown', () => {
  it('becomes headings, lists, tables and code', () => {
    const page = show(
      '# T\n\n- a\n- **b**\n\n| x |\n|---|\n| 1 |\n\n`c`\n\n```rust\nfn main() {}\n```',
    );
    expect(screen.getByRole('heading', { level: 1 }).textContent).toBe('T');
    expect(screen.getAllByRole('listitem')).toHaveLength(2);
    expect(screen.getByRole('table')).toBeTruthy();
    expect(page.querySelector('pre')?.textContent).toBe('fn main() {}');
    expect(screen.getByText('rust')).toBeTruthy();
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<iframe src="https://evil.example"></iframe>',
    '<a href="javascript:alert(1)">x</a>',
    '[x](javascript:alert(1))',
    '[x](data:text/html,<script>alert(1)</script>)',
    '![x](https://evil.example/pixel.png)',
    '<svg onload=alert(1)>',
    '<style>*{display:none}</style>',
    '<form action="https://evil.example"><input name=p></form>',
    'a <b onclick="x()">b</b>',
  ])('keeps %s harmless', (text) => {
    for (const live of [false, true]) {
      const page = show(text, live);
      for (const tag of ['script', 'iframe', 'svg[onload]', 'style', 'form', 'object', 'b']) {
        expect(page.querySelector(tag), tag).toBeNull();
      }
      for (const image of page.querySelectorAll('img')) {
        expect(image.getAttribute('src')).toMatch(/^data:image/);
      }
      for (const link of page.querySelectorAll('a')) {
        expect(link.getAttribute('href')).toMatch(/^(https?|mailto):/);
        expect(link.getAttribute('rel')).toContain('noopener');
      }
      for (const element of page.querySelectorAll('*')) {
        for (const { name } of element.attributes) expect(name).not.toMatch(/^on/);
      }
    }
  });

  it('opens links elsewhere, without telling where from', () => {
    show('[the page](https://a.example/)');
    const link = screen.getByRole('link', { name: 'the page' });
    expect(link.getAttribute('target')).toBe('_blank');
    expect(link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  });

  it('survives what is not finished yet', () => {
    const text = '# T\n\n**bold and `code` and [link](https://a.example)\n\n```js\nlet x = 1;\n';
    for (let end = 1; end <= text.length; end += 1) {
      const { unmount } = render(
        <Texts>
          <MarkdownRenderer text={text.slice(0, end)} live />
        </Texts>,
      );
      unmount();
    }
    expect(show(text, true).querySelector('pre')?.textContent).toContain('let x = 1;');
  });
});

describe('what would stall the parser', () => {
  it('is set apart as plain text', () => {
    const line = '`'.repeat(1_000_000);
    expect(splitPieces(line)).toEqual([{ kind: 'plain', text: line }]);
    const long = 'x'.repeat(9_000);
    expect(splitPieces(`# a\n${long}\n\nb`)).toEqual([
      { kind: 'markdown', text: '# a\n' },
      { kind: 'plain', text: `${long}\n` },
      { kind: 'markdown', text: '\nb' },
    ]);
    expect(splitPieces('short')).toEqual([{ kind: 'markdown', text: 'short' }]);
  });

  it('is shown all the same', () => {
    const line = '\\'.repeat(200_000);
    expect(show(`before\n\n${line}`).textContent).toContain(line);
  });
});

describe('colours of code', () => {
  it('are variables of the theme', async () => {
    const lines = await highlight('let x = "a"; // why', 'ts');
    const tokens = lines?.flat() ?? [];
    expect(tokens.map(({ content }) => content).join('')).toBe('let x = "a"; // why');
    expect(tokens.some(({ color }) => color === 'var(--shiki-token-keyword)')).toBe(true);
    for (const { color } of tokens) if (color) expect(color).toMatch(/^var\(--shiki-/);
  });

  it('are left out where the language is not known or the code too long', async () => {
    expect(await highlight('x', 'klingon')).toBeNull();
    expect(await highlight('x', '__proto__')).toBeNull();
    expect(await highlight('x'.repeat(40_000), 'ts')).toBeNull();
  });
});
