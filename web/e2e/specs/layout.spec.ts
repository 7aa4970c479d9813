import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures';

const SIZES = [
  { name: 'desk', width: 1440, height: 900 },
  { name: 'phone', width: 390, height: 844 },
] as const;

/** How far the page can be scrolled sideways, which it must not. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

for (const { name, width, height } of SIZES) {
  test(`every page fits and is accessible: ${name}`, async ({ app }) => {
    const { page } = app;
    await page.setViewportSize({ width, height });
    await app.setUp();
    await app.askAndWait('/markdown');
    const conversation = new URL(page.url());
    await page.evaluate(() => localStorage.removeItem('openmake.session'));
    app.allow(/^404: .*\/nothing$|status of 404/);
    for (const theme of ['dark', 'light']) {
      await page.evaluate((value) => localStorage.setItem('openmake.theme', value), theme);
      for (const path of ['/login', '/register', '/reset-password', '/offline', '/nothing']) {
        await app.open(path);
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        expect(await overflow(page), `${path} ${theme}`).toBeLessThanOrEqual(0);
        expect(await app.violations(), `${path} ${theme}`).toEqual([]);
      }
    }
    await page.evaluate(() => localStorage.setItem('openmake.session', '1'));
    for (const theme of ['dark', 'light']) {
      await page.evaluate((value) => localStorage.setItem('openmake.theme', value), theme);
      const inside = [
        '/chat',
        conversation.pathname + conversation.search,
        '/settings',
        '/api-keys',
        '/history',
        '/usage',
        '/developer',
        '/guide',
        '/admin',
        '/admin/registration',
        '/admin/groups',
        '/admin/access',
        '/admin/limits',
        '/admin/profiles',
        '/admin/budgets',
        '/admin/prices',
        '/admin/backups',
        '/cluster',
        '/audit',
        '/admin-metrics',
        '/token-monitoring',
      ];
      for (const path of inside) {
        await app.open(path);
        await expect(page.getByRole('main')).toBeVisible();
        if (path.startsWith('/chat')) await expect(app.composer).toBeVisible();
        if (path.includes('?c=')) await app.done();
        // Colours fade in; a checker would measure them half-way.
        await page.evaluate(() =>
          Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))),
        );
        expect(await overflow(page), `${path} ${theme}`).toBeLessThanOrEqual(0);
        expect(await app.violations(), `${path} ${theme}`).toEqual([]);
      }
    }
  });
}

test('on a phone the conversations are in a drawer', async ({ app }) => {
  const { page } = app;
  await page.setViewportSize({ width: 390, height: 844 });
  await app.setUp();
  await app.askAndWait('/echo on a phone');
  await expect(page.getByRole('navigation')).toHaveCount(0);
  await page.getByRole('button', { name: 'Show the sidebar' }).click();
  const drawer = page.getByRole('dialog', { name: 'Conversations' });
  await expect(drawer).toBeVisible();
  await drawer.getByRole('link', { name: 'New chat' }).first().click();
  await expect(drawer).toHaveCount(0);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Mina');
});
