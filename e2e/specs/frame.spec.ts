import { expect, expectAccessible, test } from '../fixtures/console';

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

test('the palette finds a service by its name, and an action opens its own dialog', async ({ adminPage }) => {
  await adminPage.keyboard.press('Control+k');
  await adminPage.keyboard.type('beta-ro');
  await expect(adminPage.getByRole('option', { name: /^beta-ro/ })).toBeVisible();
  await adminPage.keyboard.press('Enter');
  await expect(adminPage).toHaveURL(/\/services\/beta-ro$/);
  await adminPage.keyboard.press('Control+k');
  await adminPage.keyboard.type('restart node-3');
  await adminPage.keyboard.press('Enter');
  await expect(adminPage).toHaveURL(/\/nodes\/node-3\?do=restart$/);
  await expect(adminPage.getByRole('dialog', { name: 'Restart node-3' })).toBeVisible();
  await adminPage.keyboard.press('Escape');
  await expect(adminPage).toHaveURL(/\/nodes\/node-3$/);
});

test('an address that leads nowhere is said inside the frame, with ways on', async ({ adminPage }) => {
  const response = await adminPage.goto('/servies/alpha-rw');
  expect(response?.status()).toBe(404);
  await expect(adminPage.getByTestId('verdict')).toBeVisible();
  const main = adminPage.locator('main');
  await expect(main.getByText('There is no page at /servies/alpha-rw.')).toBeVisible();
  await expectAccessible(adminPage);
  await main.getByRole('button', { name: 'Search' }).click();
  await expect(adminPage.getByPlaceholder(/^Go to/)).toBeFocused();
  await adminPage.keyboard.press('Escape');
  await main.getByRole('link', { name: 'Services' }).click();
  await expect(adminPage).toHaveURL(/\/services$/);
  await adminPage.goto('/operations/no-such-operation');
  await expect(main.getByText('There is no operation no-such-operation.')).toBeVisible();
  await main.getByRole('link', { name: 'All operations' }).click();
  await expect(adminPage).toHaveURL(/\/operations$/);
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

test('the choice of columns is part of the address, also for a colleague and after Back', async ({
  adminPage,
  context,
}) => {
  await adminPage.goto('/nodes');
  await adminPage.getByRole('button', { name: 'Choose columns' }).click();
  await adminPage.getByRole('menuitemcheckbox', { name: 'Memory' }).click();
  await adminPage.getByRole('menuitemcheckbox', { name: 'Region' }).click();
  await adminPage.keyboard.press('Escape');
  const memory = (page: typeof adminPage) => page.getByRole('columnheader', { name: 'Memory' });
  const region = (page: typeof adminPage) => page.getByRole('columnheader', { name: 'Region' });
  await expect(memory(adminPage)).toBeVisible();
  await expect(region(adminPage)).toHaveCount(0);
  const colleague = await context.newPage();
  await colleague.goto(adminPage.url());
  await expect(memory(colleague)).toBeVisible();
  await expect(region(colleague)).toHaveCount(0);
  await colleague.close();
  await adminPage.locator('tr[data-row="node-2"]').click();
  await expect(adminPage).toHaveURL(/\/nodes\/node-2$/);
  await adminPage.goBack();
  await expect(memory(adminPage)).toBeVisible();
  await expect(region(adminPage)).toHaveCount(0);
});

test('a long plan shows that it scrolls, scrolls by keyboard and keeps its buttons in view', async ({ adminPage }) => {
  await adminPage.setViewportSize({ width: 1024, height: 420 });
  await adminPage.goto('/nodes/node-1?do=restart');
  const dialog = adminPage.getByRole('dialog', { name: 'Restart node-1' });
  const confirm = dialog.getByRole('button', { name: 'Restart the node' });
  await expect(confirm).toBeInViewport({ ratio: 1 });
  const body = dialog.getByRole('group', { name: 'Restart node-1' });
  await body.focus();
  const top = () => body.evaluate((element) => element.scrollTop);
  expect(await top()).toBe(0);
  await adminPage.keyboard.press('End');
  await expect.poll(top).toBeGreaterThan(0);
  await expect(confirm).toBeInViewport({ ratio: 1 });
  await expectAccessible(adminPage);
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
