import { expect, test } from '../fixtures';
import { ADMIN } from '../fixtures/app';
import { totp } from '../fixtures/totp';

test('an authenticator app is asked for after the password, or a backup code', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.open('/settings');
  await page.getByRole('button', { name: 'Set up' }).click();
  await expect(page.getByRole('img', { name: /QR code/ })).toBeVisible();
  const secret = (await page.getByRole('dialog').locator('code').textContent()) ?? '';
  await page.getByLabel('Code from the app').fill(totp(secret, -1));
  await page.getByRole('button', { name: 'Turn on' }).click();
  const listed = page.getByRole('dialog').getByRole('listitem');
  await expect(listed).toHaveCount(10);
  const codes = await listed.allTextContents();
  await page.getByRole('button', { name: 'I kept them' }).click();
  await expect(page.getByText('10 backup codes left')).toBeVisible();
  expect(await app.violations()).toEqual([]);

  app.allow(/401/);
  for (const [way, code] of [
    ['app', totp(secret)],
    ['backup', codes[0] ?? ''],
  ] as const) {
    await app.open('/chat');
    await page.getByRole('button', { name: new RegExp(ADMIN) }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await app.signIn();
    await expect(page.getByRole('heading', { name: 'One more step' })).toBeVisible();
    if (way === 'backup') {
      await page.getByRole('button', { name: 'Use a backup code' }).click();
      await page.getByLabel('Backup code').fill(code);
    } else {
      await page.getByLabel('Code', { exact: true }).fill('000000');
      await page.getByRole('button', { name: 'Continue' }).click();
      await expect(page.getByRole('main').getByRole('alert')).toBeVisible();
      await page.getByLabel('Code', { exact: true }).fill(code);
    }
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(app.composer).toBeVisible();
  }
});

test('a passkey signs in without a password', async ({ app }) => {
  const { page } = app;
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await app.setUp();
  await app.open('/settings');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Laptop');
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('Laptop')).toBeVisible();
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await app.open('/chat');
  await page.getByRole('button', { name: new RegExp(ADMIN) }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await expect(app.composer).toBeVisible();
});

test('a key is made, used, and ends at once when it is revoked', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.open('/api-keys');
  await expect(page.getByText('No key yet')).toBeVisible();
  await page.getByRole('button', { name: 'New key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('My script');
  await dialog.getByRole('button', { name: 'New key' }).click();
  const key = (await dialog.locator('code').first().textContent()) ?? '';
  expect(key).toMatch(/^omk_live_/);
  await page.getByRole('button', { name: 'I kept it' }).click();
  await expect(page.getByText('My script')).toBeVisible();

  const asked = () =>
    fetch(`${app.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  expect((await asked()).status).toBe(200);
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await expect(page.getByText(/revoked/)).toBeVisible();
  expect((await asked()).status).toBe(401);
});
