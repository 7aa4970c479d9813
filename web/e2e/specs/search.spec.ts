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
