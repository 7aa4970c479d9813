import { readFile } from 'node:fs/promises';
import { expect, test } from '../fixtures';

test('what was asked shows in the figures, by the key, and in the trail', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo first');
  await app.askAndWait('/echo second');

  // By key: the scripted server needs none, and has its one row.
  await app.open('/token-monitoring');
  const main = page.getByRole('main');
  const overview = main.getByRole('region', { name: 'All keys' }).last();
  const row = overview.getByRole('row').nth(1);
  await expect(row).toContainText('No key');
  // The server writes down what was asked every ten seconds, and the page asks as often.
  await expect(row.getByRole('cell').first()).toHaveText(/^([2-9]|1\d)$/, { timeout: 30_000 });
  const card = main.getByRole('list', { name: 'Keys' }).getByRole('listitem').first();
  await expect(card.getByText('Ready')).toBeVisible();
  await expect(card.getByText(/^Last used/)).toBeVisible();
  await main.getByText('30 days', { exact: true }).click();
  await expect(card.getByText('By day, in UTC').first()).toBeVisible();

  // Over time: a point is read with the keys, and from the table.
  await app.open('/admin-metrics');
  await expect(main.getByText('1 of 1 ready')).toBeVisible();
  await expect(main.getByText('The server has no directory for backups.')).toBeVisible();
  const turns = main.getByRole('figure').filter({ hasText: 'Answers in chats' });
  const point = turns.getByRole('slider');
  await point.focus();
  await page.keyboard.press('Home');
  await expect(point).toHaveAttribute('aria-valuetext', /Complete –/);
  await turns.getByText('Show as a table').click();
  const table = turns.getByRole('region', { name: 'Answers in chats' });
  await expect(
    table
      .getByRole('row')
      .filter({ hasText: /[2-9]\s*0\s*0$/ })
      .first(),
  ).toBeVisible();
  await main.getByText('30 days', { exact: true }).click();
  await expect(main.getByText('In each 180 minutes').first()).toBeVisible();
});

test('the trail is filtered, checked and taken away', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.open('/audit');
  const main = page.getByRole('main');
  const list = main.getByRole('list', { name: 'Audit trail' });
  await expect(list.getByText('Registered', { exact: true })).toBeVisible();

  await main.getByLabel('Outcome').selectOption('Denied');
  await expect(main.getByText('Nothing fits these filters')).toBeVisible();
  await main.getByRole('button', { name: 'Show everything' }).click();
  await main.getByLabel('From day').fill('2020-01-01');
  await main.getByLabel('To day').fill('2020-01-02');
  await expect(main.getByText('Nothing fits these filters')).toBeVisible();
  await main.getByRole('button', { name: 'Show everything' }).click();
  await list.getByRole('button', { name: /Registered/ }).click();
  await page.getByRole('button', { name: 'Everything about this' }).click();
  await expect(main.getByText(/^Only this one: Account /)).toBeVisible();
  await expect(list.getByText('Registered', { exact: true })).toBeVisible();
  await main.getByRole('button', { name: 'Show everything' }).click();

  const check = main.getByRole('button', { name: 'Check the trail' });
  await check.click();
  await expect(main.getByText(/^The trail is whole/)).toBeVisible();
  const noted = main.getByLabel('An end that you noted earlier');
  await noted.fill('tomorrow');
  await check.click();
  await expect(main.getByText('An end is a number')).toBeVisible();
  await noted.fill(`1:${'ab'.repeat(32)}`);
  await check.click();
  await expect(main.getByText('Entry 1 is not the one that you noted')).toBeVisible();

  const downloading = page.waitForEvent('download');
  await main.getByRole('button', { name: 'Export', exact: true }).click();
  const file = await readFile(await (await downloading).path(), 'utf8');
  const lines = file.trim().split('\n');
  await expect(main.getByText(`${lines.length} entries saved`)).toBeVisible();
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ action: 'audit.export' });
});
