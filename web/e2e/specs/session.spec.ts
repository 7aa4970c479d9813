import { expect, test } from '../fixtures';
import { ADMIN } from '../fixtures/app';

test('signing out leaves nothing, and signing in finds all of it again', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo my secret');
  const where = page.url();
  await page.getByRole('button', { name: new RegExp(ADMIN) }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByText('You are signed out')).toBeVisible();
  await page.goBack();
  await expect(page.getByText('my secret')).toHaveCount(0);

  await page.goto(where);
  await expect(page.getByRole('heading', { name: 'Welcome back' })).toBeVisible();
  app.allow(/401/);
  await app.signIn('not the password');
  await expect(page.getByRole('main').getByRole('alert')).toContainText(
    'E-mail or password is wrong',
  );
  await app.signIn();
  await expect(page).toHaveURL(where);
  await expect(app.answers).toContainText('my secret');
});

test('ending the other sessions ends them at once, and says so there', async ({ app, browser }) => {
  await app.setUp();
  const elsewhere = await browser.newContext({ locale: 'en-US' });
  const page = await elsewhere.newPage();
  await page.goto(`${app.url}/login`);
  await page.getByLabel('E-mail').fill(ADMIN);
  await page.getByLabel('Password', { exact: true }).fill('a long enough phrase');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('textbox', { name: 'Ask anything' })).toBeVisible();

  await app.open('/settings');
  await app.page.getByRole('button', { name: 'End all others' }).click();
  await expect(page.getByText('This session was ended from another device')).toBeVisible();
  await elsewhere.close();
});

test('what is chosen is remembered: look and language', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.open('/settings');
  await page.getByText('Light', { exact: true }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await page.getByLabel('Language', { exact: true }).selectOption('ko');
  await expect(page.getByRole('heading', { name: '설정', level: 1 })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: '설정', level: 1 })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await expect(page.locator('html')).toHaveAttribute('lang', 'ko');
});
