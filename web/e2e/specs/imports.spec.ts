import { readFile } from 'node:fs/promises';
import { expect, test } from '../fixtures';

const message = (role: string, text: string, at: number) => ({
  author: { role },
  create_time: at,
  recipient: 'all',
  content: { content_type: 'text', parts: [text] },
});

/** What ChatGPT sends: one question with two answers, the first of which is shown. */
const EXPORT = JSON.stringify([
  {
    id: 'c1',
    title: 'Names for a boat',
    create_time: 1_700_000_000,
    update_time: 1_700_000_100,
    current_node: 'a1',
    mapping: {
      root: { id: 'root', parent: null, message: null },
      q: {
        id: 'q',
        parent: 'root',
        message: message('user', 'A name for my boat?', 1_700_000_001),
      },
      a1: { id: 'a1', parent: 'q', message: message('assistant', 'Heron of Jeju.', 1_700_000_002) },
      a2: { id: 'a2', parent: 'q', message: message('assistant', 'Blue Otter.', 1_700_000_003) },
    },
  },
]);

const file = (name: string, text: string) => ({
  name,
  mimeType: 'application/json',
  buffer: Buffer.from(text),
});

test("another product's conversations are imported, read and taken back", async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.open('/settings');
  const section = page.getByRole('region', { name: 'Import from elsewhere' });
  const input = section.locator('input[type=file]');
  await expect(section.getByText('choose Export data').first()).toBeVisible();

  // What is no export is said, and the next try is there.
  await input.setInputFiles(file('notes.json', '"nothing"'));
  await expect(section.getByText('This is not a file of that product.')).toBeVisible({
    timeout: 20_000,
  });

  await input.setInputFiles(file('conversations.json', EXPORT));
  await expect(section.getByText('1 conversation and 3 messages are new here.')).toBeVisible({
    timeout: 20_000,
  });
  expect(await app.violations()).toEqual([]);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    section.getByRole('button', { name: 'Download report' }).click(),
  ]);
  const report = JSON.parse(await readFile(await download.path(), 'utf8')) as {
    accounted: boolean;
  };
  expect(report.accounted).toBe(true);

  // The result is there after a refresh, and the conversation where all are.
  await page.reload();
  await expect(section.getByText('1 conversation and 3 messages are new here.')).toBeVisible();
  await page.getByRole('link', { name: 'Names for a boat' }).first().click();
  await expect(page.getByText('Heron of Jeju.')).toBeVisible();

  await app.open('/settings');
  await section.getByRole('button', { name: 'Take back' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
  await expect(section.getByText('1 conversation was taken back.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Names for a boat' })).toHaveCount(0);
});
