import { join } from 'node:path';
import { expect, test } from '../fixtures';
import { PASSWORD } from '../fixtures/app';
import { QUESTIONS, Stage } from './stage';

const staged = test.extend<{ model: Stage }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern here
  model: async ({}, use) => {
    const stage = await Stage.open();
    await use(stage);
    await stage.close();
  },
});

const OTHERS = ['Joon', 'Sakura', '李伟', 'Amélie'];

staged('the pictures of the README', async ({ app, request }) => {
  const into = process.env.SCREENSHOTS;
  if (!into) throw new Error('SCREENSHOTS names no directory: run `make screenshots`');
  const { page } = app;
  const take = async (name: string) => {
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(into, `${name}.png`), animations: 'disabled' });
  };
  await app.setUp();
  const { backup, letter, walk, fit } = QUESTIONS;
  for (const { question, title } of [backup, letter, walk, fit]) {
    await app.open('/chat');
    await app.askAndWait(question);
    await expect(page.getByRole('link', { name: title })).toBeVisible();
  }
  await expect(app.answers.locator('.katex').first()).toBeVisible();
  await page.getByText(fit.question).first().scrollIntoViewIfNeeded();
  await take('chat');
  const conversation = new URL(page.url()).search;

  await app.open('/history');
  await expect(page.getByRole('main').getByText(fit.title)).toBeVisible();
  await take('history');

  for (const [index, display_name] of OTHERS.entries()) {
    const account = { email: `person${index + 1}@example.com`, password: PASSWORD, display_name };
    const made = await request.post(`${app.url}/api/v1/auth/register`, { data: account });
    expect(made.ok(), await made.text()).toBe(true);
  }
  await app.open('/admin');
  await expect(page.getByRole('main').getByText('mina@example.com')).toBeVisible();
  await take('admin');

  await page.setViewportSize({ width: 390, height: 844 });
  await app.open(`/chat${conversation}`);
  await expect(app.answers.locator('.katex').first()).toBeVisible();
  await take('phone');
});
