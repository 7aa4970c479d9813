import { describe, expect, it } from 'vitest';
import { extensionOf } from './extensions';
import { readTable, toCsv, toMarkdown } from './table-text';

describe('a table as text', () => {
  it('keeps quotes, commas and lines as CSV', () => {
    expect(
      toCsv([
        ['a', 'b, c'],
        ['say "d"', 'e\nf'],
      ]),
    ).toBe('a,"b, c"\r\n"say ""d""","e\nf"\r\n');
  });

  it('gives a spreadsheet nothing to run', () => {
    expect(
      toCsv([
        ['=1+1', '@x', '+cmd', '-2+3'],
        ['-5', '+1.5%', '-1,200', ''],
      ]),
    ).toBe("'=1+1,'@x,'+cmd,'-2+3\r\n-5,+1.5%,\"-1,200\",\r\n");
  });

  it('keeps its columns as Markdown', () => {
    expect(
      toMarkdown([
        ['a', 'b'],
        ['c|d', 'e\nf'],
      ]),
    ).toBe('| a | b |\n| --- | --- |\n| c\\|d | e<br>f |\n');
  });

  it('is read from the page, with formulas as they were written', () => {
    const { body } = new DOMParser().parseFromString(
      `<table><tr><th>head</th></tr><tr><td>one <b>two</b> <span class="md-formula"><span
        class="katex"><math><annotation>x^2</annotation></math>drawn</span></span></td></tr></table>`,
      'text/html',
    );
    const table = body.querySelector('table');
    expect(table && readTable(table)).toEqual([['head'], ['one two $x^2$']]);
  });
});

describe('the name of a file of code', () => {
  it.each([
    ['rust', 'rs'],
    ['Python', 'py'],
    ['tsx', 'tsx'],
    ['', 'txt'],
    ['../etc', 'txt'],
    ['constructor', 'constructor'],
    ['__proto__', 'txt'],
  ])('in %s ends with %s', (language, end) => {
    expect(extensionOf(language)).toBe(end);
  });
});
