import { expect, test } from '../fixtures';

test('an answer that tries to harm harms nothing', async ({ app }) => {
  const { page } = app;
  // The diagram's frame, which runs its own scripts only, says what it refused.
  app.allow(/Executing inline event handler violates .* 'script-src 'self''/);
  await app.setUp();
  await app.askAndWait('/hostile');
  await expect(app.answers.last()).toContainText('The end of it.');
  for (const pass of ['as it streamed', 'as it is stored']) {
    expect(await page.evaluate(() => 'harmed' in window), pass).toBe(false);
    const answer = app.answers.last();
    for (const tag of ['script', 'iframe', 'style', 'form', 'svg[onload]', 'img[onerror]']) {
      await expect(answer.locator(tag), `${tag} ${pass}`).toHaveCount(0);
    }
    for (const link of await answer.locator('a').all()) {
      expect(await link.getAttribute('href'), pass).toMatch(/^(https?|mailto):/);
    }
    await page.reload();
    await app.done();
  }
});

test('endless lines and backticks leave the page alive', async ({ app }) => {
  await app.setUp();
  for (const text of ['`'.repeat(60_000), '\\'.repeat(60_000), '<'.repeat(60_000)]) {
    await app.composer.fill(`/echo ${text}`);
    await app.composer.press('Enter');
    await expect(app.composer).toHaveValue('');
    await app.answered();
    await app.askAndWait('/echo still here');
    await expect(app.answers.last()).toContainText('still here');
  }
});
