import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures';
import type { App } from '../fixtures/app';

const SIZES = [
  { name: 'desk', width: 1440, height: 900 },
  { name: 'phone', width: 390, height: 844 },
] as const;

/** How far the page can be scrolled sideways, which it must not. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

/** What shows the state of the machine, and what is made from a document. */
const NOT_COMPARED = [
  '/admin-metrics',
  '/token-monitoring',
  '/cluster',
  '/usage',
  '/audit',
  '/developer',
  '/guide',
];

/** `/admin/groups` as a file's name. */
function fileName(path: string): string {
  return path.replace(/\?.*/, '-open').replaceAll('/', '-').slice(1) || 'home';
}

/** Waits until everything that was to be read is there, and stands still. */
async function settle(page: Page): Promise<void> {
  await expect(page.locator('div.animate-pulse-soft, .animate-turn')).toHaveCount(0);
  // Colours fade in; a checker would measure them half-way. What never ends, as
  // the logo's pulse, is not waited for.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY)
        .map((one) => one.finished.catch(() => undefined)),
    ),
  );
}

/** What a screen reader is told, without what time and chance put into it. */
async function spoken(page: Page): Promise<string> {
  const told = await page.getByRole('main').ariaSnapshot();
  return told
    .replace(/\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?= \d)/g, 'Month')
    .replace(/Good (?:morning|afternoon|evening|night)/g, 'Good day')
    .replace(/"(?:Today|Yesterday)"/g, '"A day"')
    .replaceAll('::1', '127.0.0.1')
    .replace(/\b(?:AM|PM)\b/g, 'AM')
    .replace(/[0-9a-f]{8,}(?:-[0-9a-f]+)*/g, 'id')
    .replace(/\d+(?:[.,:]\d+)*/g, '0');
}

for (const { name, width, height } of SIZES) {
  /** Looks at one page: that it fits, what a checker and a reader find. */
  async function look(app: App, path: string, theme: string): Promise<void> {
    const { page } = app;
    await settle(page);
    // For the eye: nobody compares them.
    await page.screenshot({ path: `test-results/pages/${fileName(path)}-${name}-${theme}.png` });
    expect(await overflow(page), `${path} ${theme}`).toBeLessThanOrEqual(0);
    expect(await app.violations(), `${path} ${theme}`).toEqual([]);
    // A conversation's diagram is drawn in its own time.
    const compared = !NOT_COMPARED.includes(path) && !path.includes('?');
    if (name === 'desk' && theme === 'dark' && compared) {
      // Lists within fields are read after the page is.
      await page.waitForLoadState('networkidle');
      expect(await spoken(page)).toMatchSnapshot(`${fileName(path)}.txt`);
    }
  }

  test(`every page fits and is accessible: ${name}`, async ({ app }) => {
    // Half a hundred pages.
    test.slow();
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
        await look(app, path, theme);
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
        // Not the splash before it, which is a main part as well.
        await expect(page.locator('#main').getByRole('main')).toBeVisible();
        if (path.startsWith('/chat')) await expect(app.composer).toBeVisible();
        if (path.includes('?c=')) await app.done();
        await look(app, path, theme);
      }
    }
  });
}

test('at 200 % every page still fits, and nothing moves where that is not wished', async ({
  app,
}) => {
  const { page } = app;
  // What 1,280 by 900 are at twice the size.
  await page.setViewportSize({ width: 640, height: 450 });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await app.setUp();
  await app.askAndWait('/markdown');
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(await app.composer.isVisible()).toBe(true);
  for (const path of ['/settings', '/history', '/developer', '/admin', '/admin-metrics']) {
    await app.open(path);
    await expect(page.locator('#main').getByRole('main')).toBeVisible();
    await settle(page);
    expect(await overflow(page), path).toBeLessThanOrEqual(0);
    const moving = await page.evaluate(
      () =>
        document
          .getAnimations()
          .filter(({ effect }) => Number(effect?.getComputedTiming().duration ?? 0) > 1).length,
    );
    expect(moving, path).toBe(0);
  }
});

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
