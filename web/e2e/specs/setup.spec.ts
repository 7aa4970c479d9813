import { expect, test } from '../fixtures';

test.use({ configured: false });

test('from nothing to the first answer', async ({ app, model }) => {
  const { page } = app;
  await app.open('/');
  await expect(page.getByRole('heading', { name: 'Set up OpenMake' })).toBeVisible();
  await app.register();

  await expect(page.getByRole('heading', { name: 'Connect a model server' })).toBeVisible();
  await page.getByRole('button', { name: 'Enter an address' }).click();
  await page.getByText('OpenAI-compatible').click();

  // An address where nothing answers is said to be so, and nothing is kept.
  await page.getByLabel('Address', { exact: true }).fill('http://localhost:1/v1');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.getByRole('main').getByRole('alert')).toBeVisible();

  await page.getByLabel('Address', { exact: true }).fill(model.url);
  await page.getByRole('button', { name: 'Test' }).click();
  await expect(page.getByText(/^It works: \d+ models?/)).toBeVisible();
  await page.getByRole('button', { name: 'Connect', exact: true }).click();

  await expect(page.getByRole('heading', { name: 'Ask something' })).toBeVisible();
  await app.composer.fill('/echo the first answer');
  await app.composer.press('Enter');
  await expect(page).toHaveURL(/\/chat\?c=/);
  await app.done();
  await expect(app.answers).toContainText('the first answer');
});
