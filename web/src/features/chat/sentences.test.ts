import { describe, expect, it } from 'vitest';
import { sentenceEnd, spoken } from './sentences';

describe('reading an answer aloud', () => {
  it('finds whole sentences in every language of ours', () => {
    for (const [text, said] of [
      ['One. Two', 'One.'],
      ['Pi is 3.14 and', ''],
      ['한 문장입니다. 다음', '한 문장입니다.'],
      ['これは文です。次', 'これは文です。'],
      ['真的吗？是', '真的吗？'],
      ['- a line\n- another', '- a line\n'],
    ] as const) {
      expect(text.slice(0, sentenceEnd(text))).toBe(said);
    }
  });

  it('leaves out the marks', () => {
    expect(spoken('## Title\n\n**Bold** and `code`, see [the page](https://a.example).')).toBe(
      'Title Bold and code, see the page.',
    );
    expect(spoken('```python\nprint(1)\n```')).toBe('print(1)');
  });
});
