/** A table whose list has more than one page: it says so, loads the rest, and keeps it while it is measured anew. */
import type { Page } from '@playwright/test';
import { expect, expectAccessible, test } from '../fixtures/console';

/** The console asks for long pages; a small cluster fills none of them, so what it asks for is made less on its way. */
async function withShortPages(page: Page, list: string, limit: number): Promise<void> {
  await page.routeWebSocket(/\/api\/trpc/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) =>
      server.send(
        typeof message === 'string' && message.includes(list)
          ? message.replaceAll(/"limit":\d+/g, `"limit":${limit}`)
          : message,
      ),
    );
  });
}

/** As the table's toolbar counts them. */
const rowCount = (page: Page) => page.getByRole('status').filter({ hasText: /^\d[\d,]* rows$/ });

test('settings come page by page until the last one is there', async ({ adminPage, api, complaints }) => {
  const all = (await (await api.get('/api/v1/cluster/nodes/node-1/settings?limit=1000')).json()) as { name: string }[];
  await withShortPages(adminPage, 'cluster.getNodeSettings', 150);
  await adminPage.goto('/nodes/node-1?tab=settings');
  const more = adminPage.getByRole('button', { name: 'Load more' });
  const rows = rowCount(adminPage);
  await expect(rows).toHaveText('150 rows');
  await more.click();
  await expect(rows).toHaveText('300 rows');
  await expectAccessible(adminPage);
  await more.click();
  await expect(rows).toHaveText(`${all.length} rows`);
  await expect(more).toHaveCount(0);
  expect(complaints).toEqual([]);
});

test('the log goes back page by page, newest first', async ({ adminPage, complaints }) => {
  await withShortPages(adminPage, 'cluster.getNodeLogs', 5);
  await adminPage.goto('/nodes/node-1?tab=log');
  await adminPage.getByRole('button', { name: 'Pause' }).click();
  const rows = rowCount(adminPage);
  await expect(rows).toHaveText('5 rows');
  await adminPage.getByRole('button', { name: 'Load older lines' }).click();
  await expect(rows).toHaveText('10 rows');
  expect(complaints).toEqual([]);
});
