import { expect, test } from '../fixtures';
import type { App } from '../fixtures/app';

async function begin(app: App, text: string): Promise<void> {
  await app.page.getByRole('link', { name: 'New chat' }).first().click();
  await expect(app.answers).toHaveCount(0);
  await app.askAndWait(text);
}

test('lists are sorted and narrowed, and the sidebar takes many at once', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  const sidebar = page.getByRole('navigation', { name: 'Conversations' });
  const rename = async (title: string) => {
    await app.composer.fill(`/rename ${title}`);
    await app.composer.press('Enter');
    await expect(sidebar.getByRole('link', { name: title })).toBeVisible();
  };
  await begin(app, '/echo one');
  await rename('Banana');
  await begin(app, '/echo two');
  await rename('apple');
  await app.composer.fill('/pin');
  await app.composer.press('Enter');
  await expect(sidebar.getByRole('heading', { name: 'Pinned' })).toBeVisible();
  await begin(app, '/echo three');
  await rename('Cherry');

  await page.getByRole('link', { name: 'History' }).click();
  const main = page.getByRole('main');
  const rows = main.getByRole('listitem');
  await expect(rows).toHaveCount(3);
  await main.getByLabel('Order').selectOption('By title');
  await expect(page).toHaveURL(/sort=title/);
  await expect(rows.nth(0)).toContainText('apple');
  await expect(rows.nth(2)).toContainText('Cherry');
  await page.reload();
  await expect(rows.nth(1)).toContainText('Banana');
  await main.getByLabel('Pinned only').click();
  await expect(main.getByLabel('Pinned only')).toBeChecked();
  await expect(rows).toHaveCount(1);
  await main.getByLabel('Active until').fill('2020-01-01');
  await expect(main.getByText('Nothing here matches')).toBeVisible();
  await main.getByLabel('Active from').fill('2020-02-01');
  await expect(main.getByText('This day is after the last one.')).toBeVisible();
  expect(await app.violations()).toEqual([]);
  await main.getByRole('button', { name: 'Reset' }).click();
  await expect(page).toHaveURL(/\/history$/);
  await expect(rows).toHaveCount(3);

  await app.open('/chat');
  await sidebar.getByRole('button', { name: 'Select several' }).click();
  await sidebar.getByRole('checkbox', { name: 'Banana' }).check();
  await sidebar.getByRole('checkbox', { name: 'Cherry' }).check();
  await expect(sidebar.getByText('2 selected')).toBeVisible();
  await sidebar.getByRole('toolbar').getByRole('button', { name: 'Archive' }).click();
  await expect(sidebar.getByRole('link', { name: 'Banana' })).toHaveCount(0);
  await expect(sidebar.getByRole('link', { name: 'apple' })).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(sidebar.getByRole('link', { name: 'Banana' })).toBeVisible();
  await expect(sidebar.getByRole('link', { name: 'Cherry' })).toBeVisible();
});

test('history finds what was said, and deletes many with a way back', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await begin(app, '/echo the heron stands in the river');
  await begin(app, '/echo 왜가리는 강에 서 있다');
  await begin(app, '/echo something else');
  await page.getByRole('link', { name: 'History' }).click();
  const main = page.getByRole('main');
  await expect(main.getByRole('heading', { name: 'History' })).toBeVisible();
  const rows = main.getByRole('listitem');
  await expect(rows).toHaveCount(3);

  const search = main.getByRole('searchbox');
  await search.fill('왜가리');
  await expect(page).toHaveURL(/\/history\?q=/);
  await expect(main.locator('mark').first()).toHaveText('왜가리');
  await expect(rows).toHaveCount(1);
  await page.reload();
  await expect(search).toHaveValue('왜가리');
  await expect(rows).toHaveCount(1);
  await search.fill('');
  await expect(rows).toHaveCount(3);

  await main.getByRole('checkbox', { name: 'Select all shown' }).check();
  await expect(main.getByText('3 selected')).toBeVisible();
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    (async () => {
      await main.getByRole('button', { name: 'Export' }).click();
      await page.getByRole('menuitem', { name: 'Export as Markdown' }).click();
    })(),
  ]);
  expect(file.suggestedFilename()).toMatch(/^conversations-.*\.md$/);
  await main.getByRole('button', { name: 'Delete' }).click();
  await expect(main.getByText('No conversations yet')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(rows).toHaveCount(3);

  // What is deleted stays within reach without the toast.
  await main
    .getByRole('checkbox', { name: /heron|왜가리|else/ })
    .first()
    .check();
  await main.getByRole('button', { name: 'Delete' }).click();
  await expect(rows).toHaveCount(2);
  await main.getByText('Deleted', { exact: true }).click();
  await expect(page).toHaveURL(/filter=deleted/);
  await expect(rows).toHaveCount(1);
  await main.getByRole('checkbox', { name: 'Select all shown' }).check();
  await main.getByRole('button', { name: 'Restore' }).click();
  await expect(main.getByText('Nothing was deleted')).toBeVisible();
});
