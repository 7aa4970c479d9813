/** A table as rows of texts. */
export type Rows = readonly (readonly string[])[];

/** What a cell says; its formulas as they were written. */
function cellText(cell: Element): string {
  const copy = cell.cloneNode(true) as Element;
  for (const formula of copy.querySelectorAll('.md-formula')) {
    const tex = formula.querySelector('annotation')?.textContent ?? formula.textContent ?? '';
    formula.replaceWith(`$${tex}$`);
  }
  for (const line of copy.querySelectorAll('br')) line.replaceWith('\n');
  return (copy.textContent ?? '').trim();
}

/** Reads a table of the page. */
export function readTable(table: HTMLTableElement): Rows {
  return [...table.rows].map((row) => [...row.cells].map(cellText));
}

/**
 * As CSV. What a spreadsheet would run as a formula is kept from it: the text
 * is a model's, and models repeat what they read.
 */
export function toCsv(rows: Rows): string {
  const field = (text: string) => {
    const safe =
      /^[=@\t\r]/.test(text) || (/^[+-]/.test(text) && !/^[+-][\d.,\s]*%?$/.test(text))
        ? `'${text}`
        : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

/** As Markdown, the first row as the head. */
export function toMarkdown(rows: Rows): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', '<br>')).join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + body.map(line).join('');
}
