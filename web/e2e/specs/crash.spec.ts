import { expect, test } from '../fixtures';

test('a server killed in mid-answer loses no word that was shown', async ({ app, server }) => {
  await app.setUp();
  await app.ask('/slow');
  await app.words(12);
  // The page cannot reach a server that is not there.
  app.allow(/^(failed|console|50\d): /);
  const seen = await app.answerText();
  await server.kill();
  await server.launch();
  const answer = app.answers.last();
  await expect(answer).toContainText('The server stopped while it was answering', {
    timeout: 60_000,
  });
  expect((await app.answerText()).startsWith(seen.slice(0, seen.length - 1))).toBe(true);

  await app.page.reload();
  await expect(answer).toContainText('The server stopped while it was answering');
  await answer.getByRole('button', { name: 'Continue' }).click();
  await app.done();
  await expect(app.answers.last()).not.toContainText('The server stopped');
});
