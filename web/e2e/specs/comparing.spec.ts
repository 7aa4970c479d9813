import { expect, test } from '../fixtures';
import type { App } from '../fixtures/app';

/** Chooses the second model of the next question. */
async function compareWith({ page }: App, name: string): Promise<void> {
  await page.getByRole('button', { name: /^Model:/ }).click();
  await page.getByRole('button', { name: 'Compare with a second model' }).click();
  await expect(page.getByRole('combobox', { name: 'Search models' })).toBeFocused();
  await page.getByRole('option', { name }).click();
  await expect(page.getByRole('button', { name: 'Do not compare' })).toBeVisible();
}

test('two models answer side by side, through a refresh, until one is kept', async ({ app }) => {
  const { page } = app;
  await page.setViewportSize({ width: 1440, height: 900 });
  await app.setUp();
  await compareWith(app, 'scripted-demo');
  await app.ask('/slow');
  const both = page.getByRole('region', { name: 'Two answers' });
  // By element: what is hidden has no role.
  const [first, second] = [both.locator('article').first(), both.locator('article').last()];
  await expect(first).toContainText('word3');
  await expect(second).toContainText('word3');
  await expect(page.getByRole('button', { name: 'Do not compare' })).toHaveCount(0);

  // Each is watched on, from where it was, and stopped by itself.
  await page.reload();
  await expect(first).toContainText('word12');
  await second.getByRole('button', { name: 'Stop answering' }).click();
  await expect(second).toContainText('You stopped this answer');
  await expect(first.getByRole('button', { name: 'Stop answering' })).toBeVisible();
  expect(await app.violations()).toEqual([]);
  await app.composer.press('Escape');
  await expect(first.getByRole('button', { name: 'Keep this answer' })).toBeVisible();
  await expect(page.getByText(/the chat goes on from the first one/)).toBeVisible();

  // On a narrow window one is in view, and the other a press away.
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(second).toBeHidden();
  await both.getByText(/· 2$/).first().click();
  await expect(second).toBeVisible();
  await expect(first).toBeHidden();

  await second.getByRole('button', { name: 'Keep this answer' }).click();
  await expect(both).toHaveCount(0);
  await expect(app.answers.last()).toContainText('2/2');
  await app.askAndWait('/echo onward');
  await page.reload();
  await expect(app.answers.last()).toContainText('onward');
  await expect(app.answers.first()).toContainText('2/2');
});

test('a chat has options, and begins with the defaults of its person', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.open('/settings');
  const defaults = page.getByRole('region', { name: 'New chats' });
  await defaults.getByLabel('Model').selectOption('scripted-demo');
  await defaults.getByLabel('Instructions').fill('Call me Mina.');
  await defaults.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved')).toBeVisible();

  await app.open('/chat');
  await expect(page.getByRole('button', { name: 'Model: scripted-demo' })).toBeVisible();
  await page.getByRole('button', { name: 'Options of this chat: some are set' }).click();
  const panel = page.getByRole('dialog', { name: 'Options of this chat' });
  await expect(panel.getByLabel('Instructions')).toHaveValue('Call me Mina.');
  await panel.getByRole('switch', { name: 'Temperature of its own' }).click();
  await panel.getByRole('slider').fill('0.2');
  expect(await app.violations()).toEqual([]);
  await panel.getByRole('button', { name: 'Save' }).click();
  await expect(panel).toHaveCount(0);
  await page.reload();
  await app.askAndWait('/echo hello');

  // What was chosen before the first question is the chat's, and is changed there.
  await page.reload();
  const open = page.getByRole('button', { name: 'Options of this chat' });
  await open.click();
  await expect(panel.getByRole('slider')).toHaveValue('0.2');
  await expect(panel.getByLabel('Instructions')).toHaveValue('Call me Mina.');
  await panel.getByRole('button', { name: 'Take all away' }).click();
  await panel.getByRole('button', { name: 'Save' }).click();
  await expect(panel).toHaveCount(0);
  await expect(open).toHaveAccessibleName('Options of this chat');
});
