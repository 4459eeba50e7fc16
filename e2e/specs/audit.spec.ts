/** The audit explorer: filters are the address, and its export is the file that the filters describe, whole. */
import { readFile } from 'node:fs/promises';
import { expect, expectAccessible, test } from '../fixtures/console';

test('the records of one call and outcome are exported as they are shown', async ({ adminPage, api }) => {
  for (const id of ['no-such-node-1', 'no-such-node-2'])
    await api.post(`/api/v1/cluster/nodes/${id}/stop`, { data: {} });
  await adminPage.goto('/audit');
  await adminPage.getByRole('searchbox', { name: /^Call, such as/ }).fill('cluster.stopNode');
  await adminPage.getByRole('searchbox', { name: /^Call, such as/ }).press('Enter');
  await adminPage.getByRole('combobox', { name: 'Outcome' }).selectOption('refused');
  await expect(adminPage).toHaveURL(/procedure=cluster\.stopNode/);
  const rows = adminPage.getByRole('table').getByRole('row').filter({ hasText: 'cluster.stopNode' });
  await expect(rows.filter({ hasText: 'no-such-node-2' })).toHaveCount(1);
  await expectAccessible(adminPage);
  const shown = await rows.count();

  const save = async (form: RegExp) => {
    // By keyboard alone.
    const [file] = await Promise.all([
      adminPage.waitForEvent('download'),
      (async () => {
        await adminPage.getByRole('button', { name: 'Export' }).press('Enter');
        await adminPage.getByRole('menuitem', { name: form }).press('Enter');
      })(),
    ]);
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
  };
  const csv = await save(/CSV/);
  expect(csv.name).toMatch(/^audit-list-.+\.csv$/);
  expect(csv.text.split('\r\n')[0]).toMatch(/^sequence,at,actor,/);
  expect(csv.text.match(/cluster\.stopNode/g)).toHaveLength(shown);
  expect(csv.text).toContain('no-such-node-1');

  const lines = (await save(/NDJSON/)).text.trimEnd().split('\n');
  expect(lines).toHaveLength(shown);
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ procedure: 'cluster.stopNode', outcome: 'refused' });

  // A period that nothing lies in; the address is the whole question.
  await adminPage.getByLabel('To, in your time zone').fill('2020-01-01T00:00');
  await expect(adminPage).toHaveURL(/to=2020-01-01/);
  await expect(adminPage.getByText('No records')).toBeVisible();
});
