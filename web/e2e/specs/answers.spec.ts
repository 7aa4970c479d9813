import { readFile } from 'node:fs/promises';
import { expect, test } from '../fixtures';

// A red and a blue square.
const RED =
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR42mO4Y2ODBzGMSmNDAK5WhNEWwXPTAAAAAElFTkSuQmCC';
const BLUE =
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR42mOwCbiDBzGMSmNDAOyCjKHqyrFNAAAAAElFTkSuQmCC';

test('formulas are drawn, and prices are not', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/markdown');
  const answer = app.answers.last();
  for (const pass of ['as it streamed', 'as it is stored']) {
    await expect(answer.locator('.katex'), pass).toHaveCount(2);
    await expect(answer.locator('.katex-display'), pass).toHaveCount(1);
    await expect(answer.locator('math annotation').first(), pass).toHaveText('A = \\pi r^2');
    await page.reload();
    await app.done();
  }
  // A root is an SVG whose style KaTeX writes as an attribute: it must be set another way.
  await app.askAndWait(
    '/echo \\[\\sqrt{\\colorbox{aqua}{x}}\\] costs $5 or $10, not $\\frac{1$ or $a|b$',
  );
  await expect(answer.locator('.katex-display .sqrt')).toBeVisible();
  await expect(answer.locator('.katex')).toHaveCount(2);
  await expect(answer).toContainText('costs $5 or $10');
  await expect(answer.getByText('\\frac{1', { exact: true })).toBeVisible();
});

test('a table is copied and saved, and scrolls within itself', async ({ app }) => {
  const { page } = app;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await app.setUp();
  const head = Array.from({ length: 14 }, (_, column) => `column ${column}`);
  await app.askAndWait(
    `/echo | ${head.join(' | ')} |\n|${'---|'.repeat(14)}\n| a, "b" | =1+1 | $x$ | ${head.slice(3).join(' | ')} |`,
  );
  const answer = app.answers.last();
  await expect(answer.locator('.katex')).toHaveCount(1);
  await answer.getByRole('button', { name: 'Copy as CSV' }).click();
  await expect(answer.getByRole('button', { name: 'Copied' })).toBeVisible();
  const csv = await page.evaluate(() => navigator.clipboard.readText());
  expect(csv.split(/\r?\n/)[1]).toMatch(/^"a, ""b""",'=1\+1,\$x\$,column 3,/);
  await answer.getByRole('button', { name: 'Copy as Markdown' }).click();
  await expect
    .poll(() => page.evaluate(() => navigator.clipboard.readText()))
    .toMatch(/^\| column 0 \| .*\n\| --- \| .*\n\| a, "b" \| =1\+1 \| \$x\$ \|/);
  const saved = page.waitForEvent('download');
  await answer.getByRole('button', { name: 'Download as CSV' }).click();
  expect((await saved).suggestedFilename()).toBe('table.csv');
  const scroller = answer.getByRole('region', { name: 'Table' });
  await expect(scroller).toHaveAttribute('tabindex', '0');
  await scroller.focus();
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => scroller.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0);
});

test('code wraps and is saved under the right name', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  const line = `let x = "${'long '.repeat(60)}";`;
  await app.askAndWait(`/echo \`\`\`rust\n${line}\n\`\`\``);
  const answer = app.answers.last();
  const code = answer.locator('pre');
  const hidden = () => code.evaluate((element) => element.scrollWidth - element.clientWidth);
  expect(await hidden()).toBeGreaterThan(0);
  await answer.getByRole('button', { name: 'Wrap lines' }).click();
  await expect.poll(hidden).toBeLessThanOrEqual(0);
  const saving = page.waitForEvent('download');
  await answer.getByRole('button', { name: 'Download' }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe('code.rs');
  expect(await readFile(await saved.path(), 'utf8')).toBe(line);
});

test('pictures open in a viewer', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait(
    `/echo ![red](data:image/png;base64,${RED}) ![blue](data:image/png;base64,${BLUE}) ![far](https://a.example/b.png)`,
  );
  const answer = app.answers.last();
  await expect(answer.getByRole('link', { name: 'Open in a new tab' })).toHaveAttribute(
    'rel',
    /noopener noreferrer/,
  );
  await answer.getByRole('button', { name: 'Look at red' }).click();
  const viewer = page.getByRole('dialog');
  await expect(viewer.getByRole('img', { name: 'red' })).toBeVisible();
  await page.keyboard.press('ArrowRight');
  const blue = viewer.getByRole('img', { name: 'blue' });
  await expect(blue).toBeVisible();
  const width = await blue.evaluate((element) => element.clientWidth);
  await page.keyboard.press('+');
  await expect.poll(() => blue.evaluate((element) => element.clientWidth)).toBeGreaterThan(width);
  await viewer.getByRole('button', { name: 'Fit to the window' }).click();
  await expect.poll(() => blue.evaluate((element) => element.clientWidth)).toBe(width);
  expect(await app.violations()).toEqual([]);
  const saving = page.waitForEvent('download');
  await viewer.getByRole('link', { name: 'Download' }).click();
  expect((await saving).suggestedFilename()).toMatch(/^blue/);
  await page.keyboard.press('Escape');
  await expect(viewer).toHaveCount(0);
  await expect(answer.getByRole('button', { name: 'Look at red' })).toBeFocused();
});

test('a diagram is drawn as a picture, in the colours of the page', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo ```mermaid\ngraph LR\n  question --> model\n```');
  const picture = app.answers.last().getByRole('img', { name: 'Diagram' });
  await expect(picture).toBeVisible();
  const size = () => picture.evaluate((image: HTMLImageElement) => image.naturalWidth);
  await expect.poll(size).toBeGreaterThan(50);
  const dark = await picture.getAttribute('src');
  await page.evaluate(() => {
    localStorage.setItem('openmake.theme', 'light');
    dispatchEvent(new Event('storage'));
  });
  await expect(picture).not.toHaveAttribute('src', dark ?? '');
  await app.answers.last().getByRole('button', { name: 'Show the source' }).click();
  await expect(app.answers.last().locator('pre')).toContainText('question --> model');
  await app.askAndWait('/echo ```mermaid\nthis is no diagram\n```');
  await expect(app.answers.last()).toContainText('This diagram cannot be drawn');
  await expect(app.answers.last().locator('pre')).toContainText('this is no diagram');
});

test('a tool call shows what was asked and what came', async ({ app }) => {
  await app.setUp();
  await app.askAndWait('/tool');
  const call = app.answers.last().getByRole('button', { name: /calculator/ });
  await expect(call).toContainText(/done.*\d+ ms/);
  await call.click();
  await expect(app.answers.last().getByText('"expression": "6 * 7"')).toBeVisible();
  await expect(app.answers.last().locator('pre').last()).toContainText('42');
});
