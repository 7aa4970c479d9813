import { expect, test } from '../fixtures';

test('editing and answering again branch, and every branch stays', async ({ app }) => {
  await app.setUp();
  await app.askAndWait('/echo one');
  await expect(app.answers).toContainText('one');

  await app.questions.first().hover();
  await app.questions.first().getByRole('button', { name: 'Edit' }).click();
  const editor = app.questions.first().getByRole('textbox', { name: 'Edit' });
  await editor.fill('/echo two');
  await editor.press('Enter');
  await expect(app.answers.last()).toContainText('two');
  await app.done();
  await expect(app.questions).toHaveCount(1);
  await expect(app.questions.first()).toContainText('2/2');

  await app.questions.first().getByRole('button', { name: 'Previous version' }).click();
  await expect(app.answers.last()).toContainText('one');
  await app.page.reload();
  await expect(app.answers.last()).toContainText('one');
  await app.questions.first().getByRole('button', { name: 'Next version' }).click();
  await expect(app.answers.last()).toContainText('two');

  await app.answers.last().getByRole('button', { name: 'Answer again' }).click();
  await app.page.getByRole('button', { name: 'Again with the same model' }).click();
  await expect(app.answers.last()).toContainText('2/2');
  await app.done();
});

test('a question is deleted with what follows, comes back, and another tab follows', async ({
  app,
}) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo one');
  await app.askAndWait('/echo two');
  await app.askAndWait('/echo three');
  const other = await page.context().newPage();
  await other.goto(page.url());
  const there = other.getByRole('article', { name: 'You' });
  await expect(there).toHaveCount(3);

  const remove = async (number: number) => {
    await app.questions.nth(number).hover();
    await app.questions
      .nth(number)
      .getByRole('button', { name: 'Delete with what follows' })
      .click();
  };
  await remove(1);
  await expect(app.questions).toHaveCount(1);
  await expect(app.composer).toBeFocused();
  await expect(there).toHaveCount(1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(app.answers.last()).toContainText('three');
  await expect(app.questions).toHaveCount(3);
  await expect(there).toHaveCount(3);
  await page.reload();
  await expect(app.answers.last()).toContainText('three');

  // The next question follows what is left; with the first one all is gone.
  await remove(1);
  await app.askAndWait('/echo four');
  await expect(app.questions).toHaveCount(2);
  await page.reload();
  await expect(app.answers.last()).toContainText('four');
  await remove(0);
  await expect(app.questions).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(app.answers.last()).toContainText('four');
});

test('a conversation is renamed, pinned, deleted and brought back', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo hello');
  const list = page.getByRole('navigation', { name: 'Conversations' });
  const row = list.getByRole('listitem').first();
  const act = async (name: string) => {
    await row.hover();
    await row.getByRole('button', { name: /^More/ }).click();
    await page.getByRole('menuitem', { name, exact: true }).click();
  };
  await act('Rename');
  await list.getByRole('textbox', { name: 'Title of the conversation' }).fill('My title');
  await page.keyboard.press('Enter');
  await expect(row).toContainText('My title');
  await act('Pin');
  await expect(list.getByRole('heading', { name: 'Pinned' })).toBeVisible();
  await act('Delete');
  await expect(list.getByText('No conversations yet')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(row).toContainText('My title');
  await page.reload();
  await expect(row).toContainText('My title');
});
