import { render } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { Texts } from '@/testing/texts';
import { MarkdownRenderer } from './renderer';

function page(text: string) {
  return (
    <Texts>
      <MarkdownRenderer text={text} live />
    </Texts>
  );
}

describe('an answer that grows', () => {
  it('changes only its last block, however long it is', () => {
    for (const paragraphs of [10, 200]) {
      const before = Array.from({ length: paragraphs }, (_, n) => `Paragraph **${n}** here.`);
      let text = `${before.join('\n\n')}\n\nThe last`;
      const { container, rerender, unmount } = render(page(text));
      const blocks = [...container.querySelectorAll('p')];
      const changed: Node[] = [];
      const observer = new MutationObserver(() => undefined);
      observer.observe(container, { childList: true, subtree: true, characterData: true });
      for (const token of [' one', ' two', ' three']) {
        text += token;
        rerender(page(text));
        changed.push(...observer.takeRecords().map(({ target }) => target));
      }
      const last = container.querySelectorAll('p')[paragraphs];
      expect(last?.textContent).toBe('The last one two three');
      expect(changed.length, `${paragraphs} paragraphs`).toBeLessThanOrEqual(6);
      for (const node of changed) expect(last?.contains(node)).toBe(true);
      expect([...container.querySelectorAll('p')].slice(0, paragraphs)).toEqual(
        blocks.slice(0, paragraphs),
      );
      observer.disconnect();
      unmount();
    }
  });
});
