import type { APIRequestContext } from '@playwright/test';
import { expect, test } from '../fixtures/console';
import { FailoverWizardPage } from '../pages/failover-wizard';

type Topology = {
  readonly groups: readonly { readonly name: string; readonly primary: string; readonly voters: readonly string[] }[];
  readonly nodes: readonly {
    readonly id: string;
    readonly group: string;
    readonly role: string;
    readonly status: string;
  }[];
};

async function topologyOf(api: APIRequestContext): Promise<Topology> {
  return (await (await api.get('/api/v1/cluster/topology')).json()) as Topology;
}

async function primaryOf(api: APIRequestContext, group: string): Promise<string> {
  return (await topologyOf(api)).groups.find((one) => one.name === group)?.primary ?? '';
}

/** A standby whose acknowledgement counts, once the group has settled. */
async function settledStandby(api: APIRequestContext, group: string): Promise<string> {
  await expect
    .poll(
      async () => (await topologyOf(api)).nodes.every((node) => node.group !== group || node.status === 'healthy'),
      { timeout: 45_000 },
    )
    .toBe(true);
  return (await topologyOf(api)).groups.find((one) => one.name === group)?.voters[0] ?? '';
}

test('a switchover by wizard: checks, plan, confirmation, live steps, timeline', async ({ adminPage, api }) => {
  const before = await primaryOf(api, 'alpha');
  const target = await settledStandby(api, 'alpha');
  const wizard = new FailoverWizardPage(adminPage);
  await wizard.open('alpha');
  await wizard.chooseTarget(target);
  await wizard.showChecks();
  await expect(wizard.checksOf(target)).toBeVisible();
  await wizard.showPlan();
  const planned = await wizard.plannedSteps();
  expect(planned.length).toBeGreaterThan(3);
  await wizard.confirm('alpha', 'browser test');
  await expect(wizard.result).toBeVisible({ timeout: 45_000 });
  await expect(wizard.result).toContainText('succeeded');
  // What passed on the way was planned: nothing of it alarms anybody. An alarm stays longer than the switchover takes.
  await expect(adminPage.locator('[data-sonner-toast][data-type="error"]')).toHaveCount(0);
  expect(await wizard.ranSteps()).toEqual(planned);
  expect(await primaryOf(api, 'alpha')).toBe(target);
  expect(target).not.toBe(before);

  await adminPage.goto('/failover');
  const row = adminPage.locator('tbody tr').first();
  await expect(row).toContainText(target);
  await row.focus();
  await adminPage.keyboard.press('Enter');
  await expect(adminPage.getByRole('button', { name: 'Copy for a ticket' })).toBeVisible();
});

test('the wizard cannot go on without the typed name', async ({ adminPage }) => {
  await adminPage.goto('/failover/new?group=beta&step=plan');
  await adminPage.getByRole('button', { name: 'Go on to confirm' }).click();
  const run = adminPage.getByRole('button', { name: /^Run the/ });
  await expect(run).toHaveAttribute('aria-disabled', 'true');
  await adminPage.getByLabel('Type beta to confirm').fill('alpha');
  await expect(run).toHaveAttribute('aria-disabled', 'true');
});

test('a plan that no longer holds is not run: the wizard says so and plans again', async ({ adminPage }) => {
  await adminPage.goto('/failover/new?group=beta&step=confirm&plan=a-plan-of-yesterday');
  await expect(adminPage.getByText(/changed since you looked at the plan/)).toBeVisible();
  await adminPage.getByLabel('Type beta to confirm').fill('beta');
  await expect(adminPage.getByRole('button', { name: /^Run the/ })).toHaveAttribute('aria-disabled', 'true');
  await adminPage.getByRole('button', { name: 'Show the new plan' }).click();
  await expect(adminPage.getByRole('list', { name: 'Planned steps' })).toBeVisible();
});

test('dragging a standby onto the primary opens the wizard with that target', async ({ adminPage, api }) => {
  const target = await settledStandby(api, 'alpha');
  const primary = await primaryOf(api, 'alpha');
  await adminPage.goto('/topology');
  const from = await adminPage.locator(`[data-node="${target}"]`).boundingBox();
  const to = await adminPage.locator(`[data-node="${primary}"]`).boundingBox();
  if (from === null || to === null) throw new Error('the cards are not on the map');
  await adminPage.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await adminPage.mouse.down();
  await adminPage.mouse.move(from.x + from.width / 2 + 12, from.y + from.height / 2 + 6, { steps: 3 });
  await adminPage.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 12 });
  await expect(adminPage.getByText(`Drop to plan a switchover of alpha to ${target}.`)).toBeVisible();
  await adminPage.mouse.up();
  await expect(adminPage).toHaveURL(new RegExp(`/failover/new\\?group=alpha&target=${target}`));
});
