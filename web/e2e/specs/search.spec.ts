import { expect, test } from '../fixtures';

test('a Korean word of two syllables is found in what was said', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo 오늘은 날씨가 맑습니다');
  await page.getByRole('link', { name: 'New chat' }).first().click();
  await expect(app.answers).toHaveCount(0);
  await app.askAndWait('/echo something else');
  const search = page.getByRole('searchbox', { name: 'Search chats' });
  await search.fill('날씨');
  const hits = page.getByRole('navigation').locator('mark');
  await expect(hits.first()).toHaveText('날씨');
  await hits.first().click();
  await expect(app.answers.last()).toContainText('맑습니다');
  await search.fill('없는말');
  await expect(page.getByText('Nothing found')).toBeVisible();
});

test('a search goes to the message, on whichever branch it is', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo herons');
  await app.questions.first().hover();
  await app.questions.first().getByRole('button', { name: 'Edit' }).click();
  const editor = app.questions.first().getByRole('textbox', { name: 'Edit' });
  await editor.fill('/echo sparrows');
  await editor.press('Enter');
  await expect(app.answers.last()).toContainText('sparrows');
  await app.done();
  const address = page.url();
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('herons');
  const hit = page.getByRole('navigation').locator('mark').first();
  await expect(hit).toHaveText('herons');
  await hit.click();
  await expect(app.questions.first()).toContainText('/echo herons');
  await expect(app.questions.first()).toContainText('1/2');
  await expect(page).toHaveURL(address);

  // From the history, each place that was found is a link.
  await page.goto(`${app.url}/history`);
  const main = page.getByRole('main');
  await main.getByRole('searchbox').fill('sparrows');
  await main.locator('mark').first().click();
  await expect(app.questions.first()).toContainText('/echo sparrows');
});
