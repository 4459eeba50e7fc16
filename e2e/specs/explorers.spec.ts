/** What people learn the API from: the GraphQL explorer and the API reference know the whole API, run calls as the one who looks, and need no other host. */
import { consoleUrl, expect, test } from '../fixtures/console';

test('the GraphQL explorer has the schema, runs a query, and asks nobody else', async ({ adminPage, complaints }) => {
  const foreign: string[] = [];
  adminPage.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(consoleUrl())) foreign.push(request.url());
  });
  await adminPage.goto('/graphql/explorer');
  await adminPage.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await adminPage.getByRole('link', { name: 'Query', exact: true }).click();
  await expect(adminPage.getByRole('link', { name: 'clusterTopology', exact: true })).toBeVisible();
  const editor = adminPage.getByRole('region', { name: 'Query Editor' });
  await editor.click();
  await adminPage.keyboard.press('Control+A');
  await adminPage.keyboard.type('{ clusterConfig { cluster_name');
  await adminPage.getByRole('button', { name: /^Execute query/ }).click();
  await expect(adminPage.getByRole('region', { name: 'Result Window' })).toContainText('"cluster_name"');
  expect([foreign, complaints]).toEqual([[], []]);
});
