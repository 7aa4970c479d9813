import { expect, test } from '../fixtures';
import { App } from '../fixtures/app';
import { Link } from '../fixtures/link';
import { Watch } from '../fixtures/watch';

test('a second device goes on with the answer', async ({ app, browser }) => {
  await app.setUp();
  await app.ask('/slow');
  await app.words(5);
  const elsewhere = await browser.newContext({ locale: 'en-US' });
  const other = new App(await elsewhere.newPage(), app.url, new Watch(app.url));
  await other.open('/login');
  await other.signIn();
  await expect(other.composer).toBeVisible();
  await other.page.goto(app.page.url());
  await other.words(10);
  await Promise.all([app.done(), other.done()]);
  expect(await other.answerText()).toBe(await app.answerText());
  await expect(other.page.getByRole('article')).toHaveCount(2);

  // What is asked there is seen here.
  await other.askAndWait('/echo from the other device');
  await expect(app.answers.last()).toContainText('from the other device');
  await elsewhere.close();
});

test('a cut line costs no word and doubles none', async ({ app, server, watch }) => {
  const link = await Link.to(server.url);
  try {
    watch.allow(/^(failed|console|left): /);
    const away = new App(app.page, link.url, watch);
    await away.setUp();
    await away.ask('/slow');
    await away.words(10);
    const before = await away.answerText();
    link.cut();
    await expect(app.page.getByText('Connecting again')).toBeVisible();
    // Meanwhile it goes on where nobody looks, to its end perhaps.
    link.mend();
    await away.done();
    const shown = await away.answerText();
    expect(shown.startsWith(before.slice(0, before.length - 20))).toBe(true);
    await app.page.reload();
    await away.done();
    expect(await away.answerText()).toBe(shown);
    await expect(app.page.getByRole('article')).toHaveCount(2);
  } finally {
    await link.close();
  }
});

test('where WebSockets are blocked, answers stream all the same', async ({ app }) => {
  app.allow(/WebSocket/);
  let tried = 0;
  await app.page.routeWebSocket(/\/api\//, (socket) => {
    tried += 1;
    void socket.close({ code: 1011 });
  });
  await app.setUp();
  await app.ask('/slow');
  await app.words(5);
  const early = await app.answerText();
  await app.words(early.split(/\s+/).length + 3);
  await app.stop.click();
  await expect(app.answers.last()).toContainText('You stopped this answer.');
  expect(tried).toBeGreaterThan(0);
});

test('a session that is ended in mid-answer shows no more of it, and says why', async ({
  app,
  browser,
}) => {
  await app.setUp();
  const elsewhere = await browser.newContext({ locale: 'en-US' });
  const other = new App(await elsewhere.newPage(), app.url, new Watch(app.url));
  await other.open('/login');
  await other.signIn();
  await other.ask('/slow');
  await other.words(5);
  const where = other.page.url();
  await app.open('/settings');
  await app.page.getByRole('button', { name: 'End all others' }).click();
  await expect(other.page.getByText('This session was ended from another device')).toBeVisible();
  await expect(other.answers).toHaveCount(0);
  // The answer is its person's, not the session's.
  await app.page.goto(where);
  await app.done();
  expect((await app.answerText()).split(/\s+/).length).toBeGreaterThanOrEqual(100);
  await elsewhere.close();
});
