import { expect, test } from '../fixtures';

test('while the server is away a page says so, and the wanted one comes back', async ({
  app,
  server,
}) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo still here');
  const where = page.url();
  await app.composer.fill('half a thought');
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  app.allow(/ERR_CONNECTION|WebSocket|5\d\d/);
  await server.kill();
  await page.goto(where);
  await expect(page.getByRole('heading', { name: 'The server is not reachable' })).toBeVisible();
  await expect(page.getByText('half a thought')).toBeVisible();
  await server.launch();
  await expect(app.answers).toContainText('still here');
  expect(page.url()).toBe(where);
  await expect(app.composer).toHaveValue('half a thought');

  // Nothing of a person's was kept.
  const kept = await page.evaluate(async () => {
    const all: string[] = [];
    for (const name of await caches.keys()) {
      for (const { url } of await (await caches.open(name)).keys()) all.push(new URL(url).pathname);
    }
    return all;
  });
  expect(kept).toContain('/offline');
  expect(
    kept.filter((path) => !/^\/(offline$|icon\.svg$|theme-init\.js$|_next\/static\/)/.test(path)),
  ).toEqual([]);
});

test('what another app shares becomes the text of a new question', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.composer.fill('About this:');
  await app.open('/chat?title=A%20page&text=worth%20reading&url=https%3A%2F%2Fexample.com%2F');
  await expect(app.composer).toHaveValue(
    'About this:\n\nA page\n\nworth reading\n\nhttps://example.com/',
  );
  expect(new URL(page.url()).search).toBe('');
  await page.reload();
  await expect(app.composer).toHaveValue(/^About this:/);
  await expect(app.composer).not.toHaveValue(/reading.*reading/s);
});
