import { readFile } from 'node:fs/promises';
import { expect, test } from '../fixtures';
import { ADMIN, PASSWORD } from '../fixtures/app';

test('an account changes its e-mail, is taken away as a file, and is deleted', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('What is this place?');
  const dialog = page.getByRole('dialog');

  // The last administrator stays, and reads why.
  await app.open('/settings');
  await page.getByRole('button', { name: 'Delete my account' }).click();
  await expect(dialog.getByRole('button', { name: 'Delete for good' })).toBeDisabled();
  await dialog.getByLabel('Type your e-mail to confirm').fill(ADMIN.toUpperCase());
  app.allow(/^409: .*\/auth\/me$|status of 409/);
  await dialog.getByRole('button', { name: 'Delete for good' }).click();
  await expect(dialog.getByRole('alert')).toContainText('administrator');
  await dialog.getByRole('button', { name: 'Close' }).click();

  // Someone else signs in, under an address that they then change.
  await page.getByRole('button', { name: new RegExp(ADMIN) }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await app.open('/register');
  await page.getByLabel('Name', { exact: true }).fill('Joon');
  await page.getByLabel('E-mail').fill('joon@example.com');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await app.askAndWait('Remember this sentence.');
  await app.open('/settings');
  await page.getByLabel('E-mail address').fill(ADMIN.toUpperCase());
  await page.getByRole('button', { name: 'Change e-mail' }).click();
  app.allow(/^409: .*\/auth\/email$/);
  await expect(page.getByText('There is an account with this e-mail already')).toBeVisible();
  await page.getByLabel('E-mail address').fill('joon@new.example');
  await page.getByRole('button', { name: 'Change e-mail' }).click();
  await expect(page.getByRole('button', { name: /joon@new\.example/ })).toBeVisible();
  expect(await app.violations()).toEqual([]);

  // Everything in one file.
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download my data' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('openmake-account.json');
  const file = JSON.parse(await readFile(await download.path(), 'utf8')) as {
    account: { email: string };
    conversations: unknown[];
  };
  expect(file.account.email).toBe('joon@new.example');
  expect(JSON.stringify(file.conversations)).toContain('Remember this sentence.');

  // And gone: the page is the one for who is not signed in.
  await page.getByRole('button', { name: 'Delete my account' }).click();
  await dialog.getByLabel('Type your e-mail to confirm').fill('joon@new.example');
  await dialog.getByRole('button', { name: 'Delete for good' }).click();
  await expect(page.getByRole('button', { name: 'Sign in', exact: true })).toBeVisible();
  await page.getByLabel('E-mail').fill('joon@new.example');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  app.allow(/^401: .*\/auth\/login$|status of 401/);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByText('E-mail or password is wrong')).toBeVisible();
});
