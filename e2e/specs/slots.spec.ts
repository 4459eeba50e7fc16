/** A slot from the replication page to the node's WAL tab and away again; what the cluster keeps can't be dropped; the dialog can be read by everybody. */
import { expect, expectAccessible, test } from '../fixtures/console';

test('a failover slot is planned, created, seen with its copies and dropped', async ({
  adminPage: page,
  api,
  complaints,
}) => {
  test.setTimeout(180_000);
  const dialog = page.getByRole('dialog');
  const finish = async (confirm: string) => {
    await dialog.getByLabel('Type e2e_feed to confirm').fill('e2e_feed');
    await dialog.getByRole('button', { name: confirm }).click();
    await expect(dialog.getByTestId('running-operation')).toContainText('succeeded', { timeout: 45_000 });
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  };

  await page.goto('/replication');
  await page.getByRole('button', { name: 'Create a slot' }).click();
  await dialog.getByLabel('Group').selectOption('alpha');
  await dialog.getByLabel('Name').fill('e2e_feed');
  await dialog.getByLabel('Output plugin').fill('no plugin');
  await dialog.getByLabel('Database').focus();
  await expect(dialog.getByText('Name the output plugin of the logical slot').first()).toBeVisible();
  await dialog.getByLabel('Output plugin').fill('test_decoding');
  await dialog.getByLabel('Database').focus();
  await expect(dialog.getByRole('list', { name: 'Planned steps' })).toContainText(
    'Wait until the standbys hold a copy',
  );
  await expectAccessible(page);
  await finish('Create the slot');

  const rows = page.getByRole('region', { name: 'Slots' }).locator('tbody tr');
  await expect(rows.filter({ hasText: 'e2e_feed' })).toHaveCount(3);
  await expect(rows.filter({ hasText: 'e2e_feed' }).filter({ hasText: 'copy' })).toHaveCount(2);
  const clusters = rows.filter({ hasText: 'rustydb_node' });
  await expect(clusters.first()).toContainText('kept by the cluster');
  await clusters.first().click();
  await expect(dialog.getByRole('button', { name: 'Drop the slot' })).toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Escape');

  const nodes = (await (await api.get('/api/v1/cluster/nodes?group=alpha')).json()) as {
    node_id: string;
    role: string;
  }[];
  const primary = nodes.find((node) => node.role === 'primary')?.node_id ?? '';
  await page.goto(`/nodes/${primary}?tab=wal`);
  const own = page.getByRole('region', { name: 'Slots' }).locator('tbody tr').filter({ hasText: 'e2e_feed' });
  await expect(own).toContainText('goes on');
  await own.click();
  await expect(dialog).toContainText('Goes on after a change of primary');
  await dialog.getByRole('button', { name: 'Drop the slot' }).click();
  await expect(dialog.getByRole('list', { name: 'Planned steps' })).toContainText('Drop the slot on');
  await expectAccessible(page);
  await finish('Drop the slot');
  await expect(own).toHaveCount(0);
  const left = (await (await api.get('/api/v1/replication/slots?owner=user')).json()) as { slots: unknown[] };
  expect(left.slots).toEqual([]);
  // The plan that was refused on purpose is what the browser reports.
  expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
});
