import { expect, test } from '../fixtures/console';

test('a service says how to connect, and shows the password only when asked', async ({ adminPage, api }) => {
  const access = (await (await api.get('/api/v1/gds/services/alpha-rw/credentials')).json()) as {
    password: string;
    port: number;
  };
  await adminPage.goto('/services/alpha-rw');
  await expect(adminPage.getByText(`-p ${access.port} `)).toBeVisible();
  await expect(adminPage.locator('body')).not.toContainText(access.password);
  await adminPage.getByRole('button', { name: 'Reveal the password' }).click();
  await expect(adminPage.locator('main')).toContainText(access.password);
  await adminPage.getByRole('button', { name: 'Hide' }).click();
  await expect(adminPage.locator('body')).not.toContainText(access.password);
});

test('an API key is shown once, works, and is revoked', async ({ adminPage, playwright }) => {
  await adminPage.goto('/access?tab=keys');
  await adminPage.getByRole('button', { name: 'Create a key' }).click();
  await adminPage.getByLabel('Name').fill('browser test');
  await adminPage.getByRole('button', { name: 'Create', exact: true }).click();
  const secret = (await adminPage.getByRole('dialog').locator('pre').textContent())?.trim() ?? '';
  await adminPage.getByRole('button', { name: 'I have kept it' }).click();
  const script = await playwright.request.newContext({
    baseURL: new URL(adminPage.url()).origin,
    extraHTTPHeaders: { authorization: `Bearer ${secret}` },
  });
  expect((await script.get('/api/v1/cluster/nodes')).status()).toBe(200);
  const row = adminPage.locator('tbody tr').filter({ hasText: 'browser test' }).filter({ hasText: 'active' });
  await row.getByRole('button', { name: 'Revoke' }).click();
  await adminPage.getByLabel('Type browser test to confirm').fill('browser test');
  await adminPage.getByRole('button', { name: 'Revoke the key' }).click();
  await expect(adminPage.locator('tbody tr').filter({ hasText: 'browser test' })).toContainText('revoked');
  expect((await script.get('/api/v1/cluster/nodes')).status()).toBe(401);
  await script.dispose();
});
