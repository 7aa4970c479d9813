import { expect, test } from '../fixtures';

test('a key made here runs the example, and usage counts it', async ({ app }) => {
  const { page } = app;
  await app.setUp();
  await app.askAndWait('/echo counted');
  await app.open('/api-keys');
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Try');
  await page.getByRole('dialog').getByRole('button', { name: 'New key' }).click();
  const created = page.getByRole('dialog', { name: 'Your key' });
  const key = await created.locator('code').first().innerText();

  await app.open('/developer');
  const main = page.getByRole('main');
  await expect(main.getByText(`${app.url}/v1/chat/completions`)).toBeVisible();
  app.allow(/401/);
  await main.getByLabel('API key', { exact: true }).fill('not a key');
  await main.getByLabel('Question').fill('/echo from a program');
  await main.getByRole('button', { name: 'Send the request' }).click();
  await expect(main.getByRole('alert')).toBeVisible();
  await main.getByLabel('API key', { exact: true }).fill(key);
  await main.getByRole('button', { name: 'Send the request' }).click();
  await expect(main.getByRole('region', { name: 'Answer' })).toContainText('from a program');
  await main.getByRole('searchbox', { name: 'Search the API' }).fill('own use');
  await main.getByText('/api/v1/usage', { exact: true }).click();
  await expect(main.getByText('api_key_id').first()).toBeVisible();

  await app.open('/usage');
  const requests = main.locator('dl > div', { hasText: 'Requests' });
  await expect(requests.locator('dd')).toHaveText(/^[2-9]$/);
  await main.getByText('Show as a table').click();
  await expect(main.getByRole('region', { name: 'By day' }).getByRole('row')).toHaveCount(8);
  await main.getByText('30 days', { exact: true }).click();
  await expect(main.getByRole('region', { name: 'By day' }).getByRole('row')).toHaveCount(31);
  await expect(main.getByText('No budget limits your account')).toBeVisible();
});
