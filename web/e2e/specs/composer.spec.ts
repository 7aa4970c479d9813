import { expect, test } from '../fixtures';
import type { App } from '../fixtures/app';

test('what is written while an answer is waits, can be changed, and goes out after it', async ({
  app,
}) => {
  const { page } = app;
  await app.setUp();
  await app.ask('/slow');
  await app.words(3);
  for (const text of ['/echo the first to wait', '/echo the second', '/echo the third']) {
    await app.composer.fill(text);
    await app.composer.press('Enter');
    await expect(app.composer).toHaveValue('');
  }
  const queue = page.getByRole('region', { name: 'Waiting to be sent' });
  const waiting = queue.getByRole('listitem');
  await expect(waiting).toHaveCount(3);
  await waiting.nth(1).getByRole('button', { name: 'Edit what waits' }).click();
  await queue.getByRole('textbox').fill('/echo the second, changed');
  await page.keyboard.press('Enter');
  await expect(app.composer).toBeFocused();
  await waiting.nth(2).getByRole('button', { name: 'Remove what waits' }).click();
  await expect(waiting).toHaveText([/first to wait/, /second, changed/]);

  // Elsewhere and after a refresh it still waits.
  const conversation = page.url();
  await page.keyboard.press('Control+Shift+O');
  await expect(queue).toHaveCount(0);
  await page.goBack();
  await expect(page).toHaveURL(conversation);
  await expect(waiting).toHaveCount(2);
  await page.reload();
  await expect(app.stop).toBeVisible();
  await expect(waiting).toHaveCount(2);

  await expect(app.questions).toHaveText([/slow/, /first to wait/, /second, changed/], {
    timeout: 60_000,
  });
  await expect(queue).toHaveCount(0);
  await expect(app.answers).toHaveCount(3);
  await app.done();

  // An answer that was stopped does not set off what was to follow it.
  await app.ask('/slow');
  await app.words(3);
  await app.composer.fill('/echo perhaps not');
  await app.composer.press('Enter');
  await expect(waiting).toHaveCount(1);
  expect(await app.violations()).toEqual([]);
  await app.composer.press('Escape');
  await expect(queue.getByRole('status')).toContainText('Held back');
  await waiting.getByRole('button', { name: 'Send now' }).click();
  await expect(app.questions.last()).toContainText('perhaps not');
  await expect(queue).toHaveCount(0);
  await app.done();
});

test('commands are found and given by keyboard, and other texts are sent', async ({ app }) => {
  const { page } = app;
  const { keyboard } = page;
  await app.setUp();
  const list = page.getByRole('listbox', { name: 'Commands' });
  const options = list.getByRole('option');
  await app.composer.focus();
  await keyboard.type('/echo');
  await expect(list).toHaveCount(0);
  await keyboard.type(' /new is no command here');
  await keyboard.press('Enter');
  await expect(app.answers).toContainText('/new is no command here');
  await app.done();

  await keyboard.type('/');
  await expect(options.first()).toHaveAttribute('aria-selected', 'true');
  expect(await app.violations()).toEqual([]);
  await keyboard.press('Escape');
  await expect(list).toHaveCount(0);
  await keyboard.type('ren');
  await expect(options).toHaveText(/rename/);
  await keyboard.press('Enter');
  await expect(app.composer).toHaveValue('/rename ');
  await keyboard.type('By its name');
  await keyboard.press('Enter');
  await expect(app.composer).toHaveValue('');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('By its name');

  await keyboard.type('/exp');
  await keyboard.press('ArrowDown');
  await expect(options.nth(1)).toHaveAttribute('aria-selected', 'true');
  const download = page.waitForEvent('download');
  await keyboard.press('Enter');
  expect((await download).suggestedFilename()).toBe('By its name.json');

  await keyboard.type('/model');
  await keyboard.press('Enter');
  await keyboard.type('scripted');
  await keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Model: scripted-demo' })).toBeVisible();

  await app.composer.focus();
  await keyboard.type('/delete');
  await keyboard.press('Enter');
  await expect(app.answers).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('link', { name: 'By its name' })).toBeVisible();

  await app.composer.focus();
  await keyboard.type('/help');
  await keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
});

/** Asks so many questions past the page, one after another. */
async function askOften({ page, url }: App, count: number): Promise<void> {
  const [listed] = await Promise.all([
    page.waitForRequest(/\/api\/v1\/conversations\?/),
    page.reload(),
  ]);
  const id = new URL(page.url()).searchParams.get('c');
  // Not on the chat page, which would read the conversation after every answer.
  await page.goto(`${url}/settings`);
  await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
  const { authorization = '' } = await listed.allHeaders();
  const headers = { authorization };
  const conversation = `${url}/api/v1/conversations/${id}`;
  for (let number = 1; number <= count; number += 1) {
    // A tall question and a short answer: the model takes its time over each word.
    const content = `/paced 3 1 1 number ${number}${'\nof many'.repeat(20)}${number === 2 ? ' herons' : ''}`;
    const asked = await page.request.post(`${conversation}/turns`, { headers, data: { content } });
    expect(asked.ok()).toBe(true);
    await expect
      .poll(
        async () =>
          (await (await page.request.get(conversation, { headers })).json()).running_turns,
        {
          intervals: [150],
        },
      )
      .toEqual([]);
  }
}

test('a long conversation opens at its end, jumps there, and keeps the place', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo number 0');
  const address = page.url();
  await askOften(app, 28);
  const reads: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/messages?')) reads.push(request.url());
  });
  await page.goto(address);
  await expect(app.questions.last()).toContainText('number 28\n');
  await expect(app.answers.last()).toBeInViewport();
  expect(await app.questions.count()).toBeLessThan(12);

  const first = app.questions.filter({ hasText: 'number 0' });
  await expect(first).toHaveCount(0);
  // One page of it was read, and nothing above.
  expect(reads.filter((url) => url.includes('before='))).toEqual([]);
  const box = page.getByRole('log').locator('xpath=..');
  await box.focus();
  await page.keyboard.press('Home');
  await expect(first).toBeInViewport();
  expect(await app.violations()).toEqual([]);

  const title = await page.getByRole('heading', { level: 1 }).textContent();
  await page.keyboard.press('Control+Shift+O');
  await expect(page.getByRole('log')).toHaveCount(0);
  await page.getByRole('link', { name: title ?? '', exact: true }).click();
  await expect(first).toBeInViewport();

  await page.getByRole('button', { name: 'Go to the end' }).click();
  await expect(app.answers.last()).toBeInViewport();
  await expect(page.getByRole('button', { name: 'Go to the end' })).toHaveCount(0);
  await app.ask('/slow');
  await app.words(40);
  await expect(app.stop).toBeVisible();
  const below = () => box.evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight);
  await expect.poll(below).toBeLessThan(8);
  // Who scrolls away is left there while the answer grows.
  await box.hover();
  await page.mouse.wheel(0, -600);
  await expect(page.getByRole('button', { name: 'Go to the end' })).toBeVisible();
  const from = await below();
  const words = (await app.answerText()).split(/\s+/).length;
  await app.words(words + 10);
  expect(await below()).toBeGreaterThanOrEqual(from);

  // What a search finds far above is read, shown and focused.
  await page.goto(address);
  await expect(app.questions.last()).toBeInViewport();
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('herons');
  await page.getByRole('navigation').locator('mark').first().click();
  const found = app.questions.filter({ hasText: 'herons' });
  await expect(found).toBeInViewport();
  await expect(found.locator('xpath=..')).toBeFocused();
  await expect(page).toHaveURL(address);
  await expect(app.answers.last()).not.toBeInViewport();
});

test('what an input method is composing is not sent', async ({ app }) => {
  await app.setUp();
  await app.composer.focus();
  const keyboard = await app.page.context().newCDPSession(app.page);
  const compose = (text: string) =>
    keyboard.send('Input.imeSetComposition', {
      text,
      selectionStart: text.length,
      selectionEnd: text.length,
    });
  for (const text of ['ㅇ', '아', '안', '안ㄴ', '안녀', '안녕']) await compose(text);
  await expect(app.composer).toHaveValue('안녕');
  // This Enter takes the syllable, as every Korean keyboard does.
  await app.composer.press('Enter');
  await expect(app.composer).toHaveValue(/안녕/);
  await expect(app.questions).toHaveCount(0);
  await keyboard.send('Input.insertText', { text: '안녕' });
  await app.composer.press('Enter');
  await expect(app.questions).toContainText('안녕');
  await app.answered();
});
