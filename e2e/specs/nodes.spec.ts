import { Client } from 'pg';
import { expect, test } from '../fixtures/console';
import { NodePageObject } from '../pages/node-page';

test('a standby is stopped and started again', async ({ adminPage, api }) => {
  const nodes = (await (await api.get('/api/v1/cluster/nodes?group=alpha')).json()) as {
    node_id: string;
    role: string;
  }[];
  const standby = nodes.filter((node) => node.role === 'standby').at(-1)?.node_id ?? '';
  const page = new NodePageObject(adminPage, standby);
  await page.open();
  await page.run('Stop', 'Stop the node');
  await page.expectStatus('stopped');
  await expect(page.action('Restart')).toHaveAttribute('aria-disabled', 'true');
  await page.run('Start', 'Start the node');
  await page.expectStatus('healthy');
});

test('a statement that runs is cancelled from the sessions tab', async ({ adminPage, api }) => {
  const access = (await (await api.get('/api/v1/gds/services/beta-rw/credentials')).json()) as {
    host: string;
    port: number;
    database: string;
    user: string;
    password: string;
  };
  const nodes = (await (await api.get('/api/v1/cluster/nodes?group=beta')).json()) as {
    node_id: string;
    role: string;
  }[];
  const primary = nodes.find((node) => node.role === 'primary')?.node_id ?? '';
  const client = new Client({ ...access, application_name: 'e2e-sleeper' });
  await client.connect();
  try {
    const outcome = client.query('SELECT pg_sleep(120)').then(
      () => 'finished',
      (error: { code?: string }) => error.code,
    );
    await new NodePageObject(adminPage, primary).open('sessions');
    const row = adminPage.locator('tbody tr').filter({ hasText: 'e2e-sleeper' });
    await row.getByRole('button', { name: 'Cancel' }).click();
    await adminPage.getByRole('dialog').getByRole('button', { name: 'Cancel the statement' }).click();
    expect(await outcome).toBe('57014');
  } finally {
    await client.end();
  }
});

test('an unknown node says so and leads back', async ({ adminPage }) => {
  await adminPage.goto('/nodes/node-99');
  await expect(adminPage.getByText('There is no node node-99')).toBeVisible();
  await adminPage.getByRole('link', { name: 'All nodes' }).click();
  await expect(adminPage).toHaveURL(/\/nodes$/);
});
