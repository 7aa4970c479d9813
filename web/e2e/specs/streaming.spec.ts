import { expect, test } from '../fixtures';

test('an answer streams in, and stops when told to', async ({ app }) => {
  await app.setUp();
  await app.ask('/slow');
  await app.words(5);
  const early = await app.answerText();
  await app.words(early.split(/\s+/).length + 3);
  await app.stop.click();
  await expect(app.answers.last()).toContainText('You stopped this answer.');
  const kept = await app.answerText();
  expect(kept.startsWith(early.slice(0, 20))).toBe(true);
  await app.page.reload();
  await expect(app.answers.last()).toContainText('You stopped this answer.');
  expect(await app.answerText()).toBe(kept);
});

test('a refresh in mid-answer goes on where it was, nothing doubled', async ({ app }) => {
  await app.setUp();
  await app.ask('/slow');
  await app.words(10);
  const before = await app.answerText();
  await app.page.reload();
  await app.words(before.split(/\s+/).length + 5);
  await app.done();
  const whole = await app.answerText();
  expect(whole.startsWith(before.slice(0, before.length - 20))).toBe(true);
  await app.page.reload();
  await app.done();
  expect(await app.answerText()).toBe(whole);
});

test('a second tab sees the same answer grow', async ({ app, context }) => {
  await app.setUp();
  await app.ask('/slow');
  await app.words(5);
  const second = await context.newPage();
  await second.goto(app.page.url());
  const answer = second.getByRole('article', { name: 'Answer' });
  await expect(answer).toBeVisible();
  await app.done();
  await expect(answer.getByRole('button', { name: 'Answer again' })).toBeVisible();
  expect((await answer.locator('.md').innerText()).trim()).toBe(await app.answerText());
  await expect(second.getByRole('article')).toHaveCount(2);
});

test('thinking is folded, tools and figures are shown', async ({ app }) => {
  await app.setUp();
  await app.askAndWait('/think');
  const thoughts = app.answers.last().getByRole('button', { name: /Thought/ });
  await expect(thoughts).toHaveAttribute('aria-expanded', 'false');
  await thoughts.click();
  await expect(thoughts).toHaveAttribute('aria-expanded', 'true');
  await app.answers.last().getByRole('button', { name: 'Tokens and time' }).click();
  await expect(app.page.getByText('Tokens written')).toBeVisible();
  await app.page.keyboard.press('Escape');
  await app.askAndWait('/tool');
  await expect(app.answers.last().getByRole('button', { name: /calculator/ })).toContainText(
    'done',
  );
});

test('a failing model says so in the conversation, and can be asked again', async ({ app }) => {
  await app.setUp();
  await app.askAndWait('/error');
  const alert = app.answers.last().getByRole('alert');
  await expect(alert).toBeVisible();
  await alert.getByRole('button', { name: 'Answer again' }).click();
  await expect(app.answers.last().getByText('2/2')).toBeVisible();
});
