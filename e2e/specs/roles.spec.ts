/**
 * A viewer and an operator walk every page of their navigation: nothing fails, the server refuses nothing that a page asks of it, and no control is
 * offered whose call the server would refuse. What a control would call stands in `data-procedure`, which role that takes in the API's document.
 */
import { readFileSync } from 'node:fs';
import type { APIRequestContext, Browser, Page } from '@playwright/test';
import { consoleUrl, expect, expectAccessible, test } from '../fixtures/console';

type Role = 'viewer' | 'operator';
const rank: Readonly<Record<string, number>> = { anonymous: 0, viewer: 0, operator: 1, admin: 2 };

type Operation = { readonly operationId: string; readonly 'x-role': string };
const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
};
const roleOf = new Map(
  Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((one) => [one.operationId, one['x-role']] as const),
  ),
);

/** Pages below the navigation; their tabs are walked by clicking, which is much faster than loading each anew. */
const deeper = ['/topology?node=node-2', '/services/alpha-rw', '/nodes/node-2', '/settings'];
/** Not in the navigation of either: somebody sends them the address. */
const foreign: Readonly<Record<Role, readonly (readonly [path: string, heading: string, needs: string])[]>> = {
  viewer: [
    ['/access', 'Users & keys', 'admin'],
    ['/audit', 'Audit', 'admin'],
    ['/rehearsal', 'Rehearsal', 'admin'],
    ['/approvals', 'Approvals', 'operator'],
    ['/failover/new?group=alpha', 'Failover', 'operator'],
  ],
  operator: [
    ['/access?tab=keys', 'Users & keys', 'admin'],
    ['/audit', 'Audit', 'admin'],
    ['/rehearsal', 'Rehearsal', 'admin'],
  ],
};

type Walk = { readonly page: Page; readonly complaints: readonly string[] };

/** Signed in through the API: the cookie is the browser's as well. */
async function walker(browser: Browser, api: APIRequestContext, role: Role): Promise<Walk> {
  const [username, password] = [`walking-${role}`, 'walks through every page'];
  await api.post('/api/v1/users', { data: { username, password, role } });
  const context = await browser.newContext({ baseURL: consoleUrl() });
  const headers = { origin: consoleUrl() };
  const login = await context.request.post('/api/v1/auth/login', { headers, data: { username, password } });
  expect(login.ok()).toBe(true);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('response', (response) => response.status() === 403 && complaints.push(`403 ${response.url()}`));
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      if (String(payload).includes('"FORBIDDEN"')) complaints.push(`${page.url()}: ${String(payload).slice(0, 300)}`);
    });
  });
  return { page, complaints };
}

async function expectWhole(page: Page, role: Role): Promise<void> {
  const main = page.locator('main');
  await expect(main.getByRole('heading', { level: 1 }).first()).toBeVisible();
  await expect(main.getByRole('status', { name: /^Loading/ })).toHaveCount(0);
  await expect(main.getByRole('alert').filter({ hasText: 'Could not' })).toHaveCount(0);
  const offered = await main
    .locator('[data-procedure]:not([aria-disabled])')
    .evaluateAll((controls) => controls.map((control) => control.getAttribute('data-procedure') ?? ''));
  for (const procedure of offered) expect([...roleOf.keys()]).toContain(procedure);
  const tooMuch = offered.filter((procedure) => rank[roleOf.get(procedure) ?? 'admin']! > rank[role]!);
  expect(tooMuch, `offered to a ${role} at ${page.url()}`).toEqual([]);
  if (role === 'viewer') await expect(main.locator('a[href^="/failover/new"]')).toHaveCount(0);
}

for (const role of ['viewer', 'operator'] as const) {
  test(`a ${role} walks every page and is offered nothing that the server would refuse`, async ({ browser, api }) => {
    // A page takes seconds where the browser draws in software on a busy machine.
    test.setTimeout(900_000);
    const { page, complaints } = await walker(browser, api, role);
    try {
      await page.goto('/');
      await expectWhole(page, role);
      const links = page.getByRole('navigation', { name: 'Areas' }).getByRole('listitem').getByRole('link');
      const areas = await links.allInnerTexts();
      expect(areas).toEqual(expect.arrayContaining(['Overview', 'Nodes', 'Failover', 'Operations', 'Settings']));
      expect(areas.includes('Approvals')).toBe(role === 'operator');
      for (const area of ['Audit', 'Users & keys', 'Rehearsal']) expect(areas).not.toContain(area);
      for (const area of areas.slice(1)) {
        await links.filter({ hasText: new RegExp(`^${area}$`) }).click();
        await expect(page.locator('main').getByRole('heading', { level: 1, name: area })).toBeVisible();
        await expectWhole(page, role);
      }
      for (const path of deeper) {
        await page.goto(path);
        await expectWhole(page, role);
        for (const tab of (await page.locator('main').getByRole('tab').all()).slice(1)) {
          await tab.click();
          await expect(tab).toHaveAttribute('aria-selected', 'true');
          await expectWhole(page, role);
        }
      }
      for (const [path, heading, needs] of foreign[role]) {
        await page.goto(path);
        await expect(page.getByRole('heading', { level: 1, name: heading, exact: true })).toBeVisible();
        const note = page.locator('main').getByRole('note');
        await expect(note).toContainText(/You can’t see/);
        await expect(note).toContainText(`It takes the role ${needs}`);
      }
      await expectAccessible(page);
      expect(complaints).toEqual([]);
    } finally {
      await page.context().close();
      await api.delete(`/api/v1/users/walking-${role}`);
    }
  });
}

test('an action that takes a role says so to a viewer, and works for an operator', async ({ browser, api }) => {
  for (const role of ['viewer', 'operator'] as const) {
    const { page } = await walker(browser, api, role);
    try {
      await page.goto('/settings?tab=failover');
      const pause = page.getByRole('button', { name: 'Pause' }).first();
      if (role === 'viewer') {
        await expect(pause).toHaveAttribute('aria-disabled', 'true');
        await pause.hover();
        await expect(page.getByRole('tooltip')).toContainText('Needs the role operator; you are viewer.');
      } else {
        await pause.click();
        await expect(page.getByRole('dialog').getByRole('button', { name: 'Pause it' })).toBeVisible();
      }
    } finally {
      await page.context().close();
      await api.delete(`/api/v1/users/walking-${role}`);
    }
  }
});
