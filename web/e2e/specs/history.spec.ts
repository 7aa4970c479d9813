import { expect, test } from '../fixtures';
import type { App } from '../fixtures/app';

async function begin(app: App, text: string): Promise<void> {
  await app.page.getByRole('link', { name: 'New chat' }).first().click();
  await expect(app.answers).toHaveCount(0);
  await app.askAndWait(text);
}

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
