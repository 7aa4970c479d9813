import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures';
import { PASSWORD } from '../fixtures/app';

/** Goes to another page of administration by its link. */
async function go(page: Page, name: string): Promise<void> {
  await page
    .getByRole('navigation', { name: 'Administration' })
    .getByRole('link', { name })
    .click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
}

test('an administrator’s day', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  const joined = await fetch(`${app.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: app.url },
    body: JSON.stringify({ email: 'joon@example.com', password: PASSWORD, display_name: 'Joon' }),
  });
  expect(joined.status).toBe(201);
  const { access_token } = (await joined.json()) as { access_token: string };
  const dialog = page.getByRole('dialog');
  const asJoon = (path: string) =>
    fetch(app.url + path, { headers: { authorization: `Bearer ${access_token}` } });

  await page.getByRole('button', { name: /mina@example.com/ }).click();
  await page.getByRole('menuitem', { name: 'Administration' }).click();
  const accounts = page.getByRole('list', { name: 'Accounts' }).getByRole('listitem');
  await expect(accounts).toHaveCount(2);
  await page.getByLabel('Search', { exact: true }).fill('joon');
  await expect(accounts).toHaveCount(1);

  // A link for a forgotten password; it opens the page that sets one.
  await page.getByRole('button', { name: 'Actions for Joon' }).click();
  await page.getByRole('menuitem', { name: 'Make a password link' }).click();
  await dialog.getByRole('button', { name: 'Make a password link' }).click();
  await expect(dialog.locator('code')).toContainText('/reset-password#token=');
  await dialog.getByRole('button', { name: 'Close' }).click();

  // A group whose members may ask one model.
  await go(page, 'Groups');
  await page.getByRole('button', { name: 'New group' }).click();
  await dialog.getByLabel('Name').fill('Designers');
  await dialog.getByLabel('All models').uncheck();
  await dialog.getByRole('checkbox').nth(1).check();
  await dialog.getByRole('button', { name: 'New group' }).click();
  await expect(page.getByText('no members')).toBeVisible();
  await page.getByRole('button', { name: 'Members' }).click();
  await dialog.getByLabel('E-mail of the account').fill('nobody@example.com');
  app.allow(/^404: .*\/members$|status of 404/);
  await dialog.getByRole('button', { name: 'Add' }).click();
  await expect(dialog.getByText('There is no account with this e-mail')).toBeVisible();
  await dialog.getByLabel('E-mail of the account').fill('joon@example.com');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await expect(dialog.getByRole('listitem')).toContainText('Joon');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await expect(page.getByText(/1 member/)).toBeVisible();
  const models = (await (await asJoon('/api/v1/models')).json()) as { items: unknown[] };
  expect(models.items).toHaveLength(1);

  // What models cost, and how much of it the group may use.
  await go(page, 'Prices');
  await page
    .getByRole('button', { name: /^Price of / })
    .first()
    .click();
  await dialog.getByLabel('Tokens read').fill('2.50');
  await dialog.getByLabel('Tokens written').fill('ten');
  await expect(dialog.getByText('An amount such as 2.50')).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Save' })).toBeDisabled();
  await dialog.getByLabel('Tokens written').fill('10');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('2.50 for a million tokens read, 10.00')).toBeVisible();
  await go(page, 'Budgets');
  await page.getByRole('button', { name: 'New budget' }).click();
  await dialog.getByText('Group', { exact: true }).click();
  await dialog.getByLabel('Group').last().selectOption('Designers');
  await dialog.getByText('Money', { exact: true }).click();
  await dialog.getByLabel('Amount').fill('25.50');
  await dialog.getByRole('button', { name: 'New budget' }).click();
  await expect(page.getByText('0.00 of 25.50 this month')).toBeVisible();
  await page.getByRole('button', { name: 'Change the budget of Designers' }).click();
  await dialog.getByLabel('Amount').fill('40');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('0.00 of 40.00 this month')).toBeVisible();

  // What users may ask, how much of it, and what answers for a profile.
  await go(page, 'Model access');
  const users = page.getByRole('region', { name: 'Users', exact: true });
  await users.getByLabel('All models').uncheck();
  await expect(users.getByRole('button', { name: 'Save' })).toBeDisabled();
  await users.getByLabel('openmake_fast').check();
  await users.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved', { exact: true }).first()).toBeVisible();
  const none = (await (await asJoon('/api/v1/models')).json()) as { items: { id: string }[] };
  expect(none.items.map(({ id }) => id)).not.toContain('openmake_auto');

  await go(page, 'Limits');
  await page.getByLabel('Of one account', { exact: true }).fill('5');
  await expect(page.getByText('A whole number from 60')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled();
  await page.getByLabel('Of one account', { exact: true }).fill('500');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled();
  expect((await asJoon('/api/v1/models')).headers.get('ratelimit-limit')).toBe('500');

  await go(page, 'Profiles');
  const profiles = page.getByRole('list', { name: 'Profiles' }).getByRole('listitem');
  await expect(profiles).toHaveCount(6);
  const fast = profiles.filter({ hasText: 'Fast' });
  await fast.getByRole('button', { name: /^Edit / }).click();
  await dialog.getByLabel('Temperature').fill('hot');
  await expect(dialog.getByRole('button', { name: 'Save' })).toBeDisabled();
  await dialog.getByLabel('Temperature').fill('0.2');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(fast.getByText('Edited')).toBeVisible();
  await expect(fast.getByText('temperature 0.2')).toBeVisible();
  await fast.getByRole('switch').click();
  await expect(fast.getByText('Switched off')).toBeVisible();
  await fast.getByRole('button', { name: /^Reset / }).click();
  await expect(fast.getByText(/^Answers with/)).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(fast.getByText('Switched off')).toBeVisible();
  expect(await app.violations()).toEqual([]);

  await go(page, 'Model servers');
  await expect(page.getByText('1 of 1')).toBeVisible();

  // Backups have no place here, and the page says how to give them one.
  await go(page, 'Backups');
  app.allow(/^409: .*\/backups$|status of 409/);
  await page.getByRole('button', { name: 'Back up now' }).click();
  await expect(page.getByRole('main').getByRole('alert')).toContainText('OPENMAKE_BACKUP_DIR');

  // Joon leaves: the session ends, and the trail says who did it.
  await go(page, 'Users');
  await page.getByRole('button', { name: 'Actions for Joon' }).click();
  await page.getByRole('menuitem', { name: 'Deactivate' }).click();
  await dialog.getByRole('button', { name: 'Deactivate' }).click();
  await expect(accounts.filter({ hasText: 'Joon' })).toContainText('Deactivated');
  expect((await asJoon('/api/v1/auth/me')).status).toBe(401);
  await go(page, 'Audit trail');
  await page.getByLabel('What was done').selectOption('user.change');
  const trail = page.getByRole('list', { name: 'Audit trail' }).getByRole('listitem');
  await expect(trail).toHaveCount(1);
  await trail.getByRole('button').click();
  await expect(dialog.getByText('"is_active": false')).toBeVisible();
  expect(await app.violations()).toEqual([]);
});

test('administration is closed to everyone else', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await page.getByRole('button', { name: /mina@example.com/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await app.open('/register');
  await page.getByLabel('Name', { exact: true }).fill('Joon');
  await page.getByLabel('E-mail').fill('joon@example.com');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await expect(app.composer).toBeVisible();
  await page.getByRole('button', { name: /joon@example.com/ }).click();
  await expect(page.getByRole('menuitem', { name: 'Settings' })).toBeVisible();
  await expect(page.getByRole('menuitem', { name: 'Administration' })).toHaveCount(0);
  for (const path of ['/admin', '/cluster', '/audit']) {
    await app.open(path);
    await expect(page.getByText('For administrators')).toBeVisible();
  }
});
