import { expect, test } from '../fixtures';

test('while the server is away a page says so, and the wanted one comes back', async ({
  app,
  server,
}) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo still here');
  const where = page.url();
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  app.allow(/ERR_CONNECTION|WebSocket|5\d\d/);
  await server.kill();
  await page.goto(where);
  await expect(page.getByRole('heading', { name: 'The server is not reachable' })).toBeVisible();
  await server.launch();
  await expect(app.answers).toContainText('still here');
  expect(page.url()).toBe(where);

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
