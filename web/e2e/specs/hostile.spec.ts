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

test('a picture from elsewhere waits for a click, and comes through the server', async ({
  app,
}) => {
  const { page } = app;
  // What the server refuses is said in the console by the browser.
  app.allow(/status of 502|^502: .*\/api\/v1\/images/);
  await app.setUp();
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/v1/images')) asked.push(request.url());
  });
  await app.askAndWait('/echo ![a heron](http://heron.invalid/heron.png?a=b&c=d)');
  const answer = app.answers.last();
  await expect(answer).toContainText('a heron, from heron.invalid');
  await expect(answer.getByRole('link', { name: 'Open in a new tab' })).toBeVisible();
  expect(asked).toEqual([]);
  await answer.getByRole('button', { name: /^Show a heron/ }).click();
  await expect(answer).toContainText('Its host does not give the picture');
  expect(new URL(asked[0] ?? '').searchParams.get('url')).toBe(
    'http://heron.invalid/heron.png?a=b&c=d',
  );
  expect(await app.violations()).toEqual([]);

  const body = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  );
  await page.route('**/api/v1/images?*', (route) =>
    route.fulfill({ contentType: 'image/png', body }),
  );
  await answer.getByRole('button', { name: /^Try again/ }).click();
  const picture = answer.getByRole('img', { name: 'a heron' });
  await expect(picture).toHaveAttribute('src', /^blob:/);
  await answer.getByRole('button', { name: /a heron/ }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
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
