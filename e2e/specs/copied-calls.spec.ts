/** What the console copies of a direct action is run as it stands: by a shell, by rustydbctl, by the GraphQL endpoint. Each really changes the cluster. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { APIRequestContext, Page } from '@playwright/test';
import { consoleUrl, expect, expectAccessible, test } from '../fixtures/console';

const run = promisify(execFile);

async function copied(page: Page, form: RegExp): Promise<string> {
  await page.getByRole('dialog').getByRole('button', { name: 'Copy as curl, GraphQL or CLI' }).click();
  await page.getByRole('menuitem', { name: form }).click();
  await expect(page.getByText(/^Copied as/).first()).toBeVisible();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** The shell has what the toast says that it needs, and `rustydbctl` in its path. */
async function shell(line: string, variables: Readonly<Record<string, string>>): Promise<string> {
  const tool = `rustydbctl() { "${process.execPath}" "${resolve('dist/rustydbctl.mjs')}" "$@"; }`;
  const { stdout } = await run('/bin/sh', ['-c', `${tool}\n${line}`], { env: { ...process.env, ...variables } });
  return stdout;
}

async function automatic(api: APIRequestContext, group: string): Promise<boolean> {
  const { groups } = (await (await api.get('/api/v1/cluster/topology')).json()) as {
    groups: { name: string; automatic_failover: boolean }[];
  };
  return groups.find((one) => one.name === group)!.automatic_failover;
}

test('a direct action is paused by curl, resumed by rustydbctl, paused and resumed by GraphQL', async ({
  adminPage,
  api,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const created = await api.post('/api/v1/api-keys', { data: { name: 'copied calls', role: 'operator' } });
  const { id, secret } = (await created.json()) as { id: string; secret: string };
  const key = { RUSTYDB_API_KEY: secret };
  const pages = async (button: 'Pause' | 'Resume', form: RegExp) => {
    await adminPage.goto('/settings?tab=failover');
    await adminPage.getByRole('button', { name: button }).first().click();
    return copied(adminPage, form);
  };
  try {
    await expect.poll(() => automatic(api, 'alpha')).toBe(true);
    await adminPage.emulateMedia({ colorScheme: 'dark' });
    const curl = await pages('Pause', /curl/);
    // With the note on what the line needs, which must be readable in the dark too.
    await expectAccessible(adminPage);
    expect(curl).not.toContain(secret);
    expect(JSON.parse(await shell(curl, key))).toMatchObject({ name: 'alpha', automatic_failover: false });
    await expect.poll(() => automatic(api, 'alpha')).toBe(false);

    await shell(await pages('Resume', /CLI/), key);
    await expect.poll(() => automatic(api, 'alpha')).toBe(true);

    const query = await pages('Pause', /GraphQL/);
    const answer = await api.post('/graphql', { data: { query } });
    expect(await answer.json()).not.toHaveProperty('errors');
    await expect.poll(() => automatic(api, 'alpha')).toBe(false);
  } finally {
    await api.put('/api/v1/cluster/automatic-failover', { data: { group: 'alpha', enabled: true } });
    await api.delete(`/api/v1/api-keys/${id}`);
  }
});

test('a password is no part of what is copied, and the line asks the shell for it', async ({
  adminPage,
  api,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const created = await api.post('/api/v1/api-keys', { data: { name: 'copied users', role: 'admin' } });
  const { id, secret } = (await created.json()) as { id: string; secret: string };
  const password = 'a "typed" password';
  try {
    await adminPage.goto('/access?tab=users');
    await adminPage.getByRole('button', { name: 'Create a user' }).click();
    const dialog = adminPage.getByRole('dialog');
    await dialog.getByLabel('User name').fill('copied');
    await dialog.getByLabel('Password').fill(password);
    const line = await copied(adminPage, /CLI/);
    expect(line).not.toContain('typed');
    await shell(line, { RUSTYDB_API_KEY: secret, PASSWORD: password });
    const body = JSON.stringify({ username: 'copied', password });
    const headers = { 'Content-Type': 'application/json', Origin: consoleUrl() };
    const login = await fetch(`${consoleUrl()}/api/v1/auth/login`, { method: 'POST', headers, body });
    expect(login.ok).toBe(true);
  } finally {
    await api.delete('/api/v1/users/copied');
    await api.delete(`/api/v1/api-keys/${id}`);
  }
});
