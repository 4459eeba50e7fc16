import { expect, test } from '../fixtures/console';

test('the theme changes and is remembered', async ({ adminPage }) => {
  await adminPage.emulateMedia({ colorScheme: 'light' });
  await adminPage.getByRole('button', { name: 'Use the dark theme' }).click();
  await expect(adminPage.locator('html')).toHaveAttribute('data-theme', 'dark');
  await adminPage.reload();
  await expect(adminPage.locator('html')).toHaveAttribute('data-theme', 'dark');
  await adminPage.getByRole('button', { name: 'Use the light theme' }).click();
  await expect(adminPage.locator('html')).toHaveAttribute('data-theme', 'light');
});

test('the palette finds a node by keyboard alone', async ({ adminPage }) => {
  await adminPage.keyboard.press('Control+k');
  await expect(adminPage.getByPlaceholder(/^Go to/)).toBeFocused();
  await adminPage.keyboard.type('node-3');
  await adminPage.keyboard.press('Enter');
  await expect(adminPage).toHaveURL(/\/nodes\/node-3$/);
});

test('rows are walked and opened by keyboard', async ({ adminPage }) => {
  await adminPage.goto('/nodes');
  const first = adminPage.locator('tr[data-row="node-1"]');
  await first.focus();
  await adminPage.keyboard.press('ArrowDown');
  await expect(adminPage.locator('tr[data-row="node-2"]')).toBeFocused();
  await adminPage.keyboard.press('Enter');
  await expect(adminPage).toHaveURL(/\/nodes\/node-2$/);
});

test('sort and filter are part of the address', async ({ adminPage }) => {
  await adminPage.goto('/nodes');
  await adminPage.getByRole('searchbox', { name: 'Filter Nodes' }).fill('beta');
  await adminPage.getByRole('columnheader', { name: 'LSN' }).getByRole('button').click();
  await expect(adminPage).toHaveURL(/nodes\.q=beta/);
  await expect(adminPage).toHaveURL(/nodes\.sort=lsn/);
  await adminPage.reload();
  await expect(adminPage.locator('tbody tr')).toHaveCount(2);
});

test('the data is live: its age stays small and the map shows every node', async ({ adminPage }) => {
  await adminPage.goto('/topology');
  for (const id of ['node-1', 'node-2', 'node-3', 'node-4', 'node-5']) {
    await expect(adminPage.locator(`[data-node="${id}"]`)).toBeVisible();
  }
  await expect(adminPage.getByTestId('live-age')).toHaveText(/live\s*[0-2]\.\d s/);
});

test('a lost connection is said at once, and heals by itself', async ({ adminPage }) => {
  const sockets: { close(options?: { code?: number }): Promise<void> }[] = [];
  let open = Promise.resolve();
  await adminPage.routeWebSocket(/\/api\/trpc/, async (socket) => {
    await open;
    socket.connectToServer();
    sockets.push(socket);
  });
  await adminPage.goto('/nodes');
  await expect(adminPage.getByTestId('live-age')).toContainText('live');
  let heal = () => {};
  open = new Promise((resolve) => {
    heal = resolve;
  });
  for (const socket of sockets) await socket.close({ code: 1011 });
  await expect(adminPage.getByText(/Connection to the console server lost/)).toBeVisible();
  heal();
  await expect(adminPage.getByText(/Connection to the console server lost/)).toBeHidden();
  await expect(adminPage.getByTestId('live-age')).toContainText('live');
});
