import { expect, test } from '../fixtures';
import { PASSWORD } from '../fixtures/app';

test('the main job by keyboard alone', async ({ app }) => {
  const { page } = app;
  const { keyboard } = page;

  /** Tabs until what has the focus is called so. */
  async function tabTo(name: RegExp): Promise<void> {
    for (let presses = 0; presses < 60; presses += 1) {
      await keyboard.press('Tab');
      const label = await page.evaluate(() => {
        const element = document.activeElement;
        if (!(element instanceof HTMLElement)) return '';
        const labels = 'labels' in element ? (element as HTMLInputElement).labels : null;
        return (
          element.getAttribute('aria-label') ??
          labels?.[0]?.textContent ??
          element.textContent ??
          ''
        );
      });
      if (name.test(label)) return;
    }
    throw new Error(`Tab never came to ${name}`);
  }

  await app.open('/setup');
  await expect(page.getByLabel('E-mail')).toBeVisible();
  await tabTo(/^Name$/);
  await keyboard.type('Mina');
  await tabTo(/^E-mail$/);
  await keyboard.type('mina@example.com');
  await tabTo(/^Password$/);
  await keyboard.type(PASSWORD);
  await keyboard.press('Enter');

  await expect(app.composer).toBeFocused();
  await keyboard.type('/echo by keyboard');
  await keyboard.press('Enter');
  await expect(page).toHaveURL(/\/chat\?c=/);
  await app.done();
  await expect(app.answers).toContainText('by keyboard');
  await expect(app.composer).toBeFocused();

  // Another model, by name.
  await tabTo(/^Model:/);
  await keyboard.press('Enter');
  await keyboard.type('scripted');
  await keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Model: scripted-demo' })).toBeVisible();

  // The conversation's menu and back.
  await tabTo(/^More: /);
  await keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Pin' })).toBeFocused();
  await keyboard.press('Escape');
  await expect(page.getByRole('menu')).toHaveCount(0);

  // A running answer ends with Escape.
  await app.composer.focus();
  await keyboard.type('/slow');
  await keyboard.press('Enter');
  await app.words(3);
  await keyboard.press('Escape');
  await expect(app.answers.last()).toContainText('You stopped this answer.');
});

test('the palette finds chats and actions, and keys go from chat to chat', async ({ app }) => {
  const { page } = app;
  const { keyboard } = page;
  await app.setUp();
  await app.askAndWait('/echo the first of two');
  await keyboard.press('Control+Shift+O');
  await expect(app.answers).toHaveCount(0);
  await app.askAndWait('/echo the second of two');
  const second = page.url();

  await keyboard.press('Alt+ArrowDown');
  await expect(app.answers).toContainText('the first of two');
  await keyboard.press('Alt+ArrowUp');
  await expect(page).toHaveURL(second);

  await keyboard.press('Control+k');
  const input = page.getByRole('combobox', { name: 'Search chats and actions' });
  await expect(input).toBeFocused();
  expect(await app.violations()).toEqual([]);
  await keyboard.type('the first');
  await expect(page.getByRole('option').first()).toBeVisible();
  await keyboard.press('Enter');
  await expect(app.answers).toContainText('the first of two');

  await keyboard.press('Control+k');
  await keyboard.type('Settings');
  await keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
  await keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});
