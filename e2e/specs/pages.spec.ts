/** Every page: loads with real data, writes no error to the console, has no accessibility violation, in light and dark. */
import { expect, expectAccessible, test } from '../fixtures/console';

const pages = [
  ['/', /Healthy|Degraded|Critical|writes/],
  ['/topology', 'Topology'],
  ['/nodes', 'Nodes'],
  ['/nodes/node-1', /node-1/],
  ['/nodes/node-1?tab=resources', /node-1/],
  ['/nodes/node-1?tab=sessions', /node-1/],
  ['/nodes/node-1?tab=wal', /node-1/],
  ['/nodes/node-1?tab=links', /node-1/],
  ['/nodes/node-1?tab=log', /node-1/],
  ['/nodes/node-1?tab=settings', /node-1/],
  ['/failover', 'Failover'],
  ['/failover/new?group=alpha', 'Failover of alpha'],
  ['/failover/new?group=alpha&step=checks', 'Failover of alpha'],
  ['/failover/new?group=alpha&step=plan', 'Failover of alpha'],
  ['/replication', 'Replication'],
  ['/consensus', 'Consensus'],
  ['/services', 'Services'],
  ['/transactions', 'Transactions'],
  ['/services/alpha-rw', 'alpha-rw'],
  ['/operations', 'Operations'],
  ['/audit', 'Audit'],
  ['/access', 'Users & keys'],
  ['/access?tab=invitations', 'Users & keys'],
  ['/access?tab=keys', 'Users & keys'],
  ['/access?tab=sessions', 'Users & keys'],
  ['/access?tab=lockouts', 'Users & keys'],
  ['/access?tab=break-glass', 'Users & keys'],
  ['/access?tab=force', 'Users & keys'],
  ['/approvals', 'Approvals'],
  ['/settings', 'Settings'],
  ['/settings?tab=failover', 'Settings'],
  ['/settings?tab=health', 'Settings'],
  ['/settings?tab=account', 'Settings'],
  ['/rehearsal', 'Rehearsal'],
] as const;

for (const theme of ['light', 'dark'] as const) {
  test(`every page in ${theme}`, async ({ adminPage, complaints }) => {
    test.setTimeout(900_000);
    await adminPage.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    for (const [path, heading] of pages) {
      await test.step(path, async () => {
        await adminPage.goto(path);
        await expect(adminPage.locator('html')).toHaveAttribute('data-theme', theme);
        await expect(adminPage.getByRole('heading', { level: 1 }).first()).toHaveText(heading);
        await expect(adminPage.getByTestId('live-age')).toContainText('live');
        await expect(adminPage.getByRole('status', { name: /^Loading/ })).toHaveCount(0);
        await expect(adminPage.locator('main').getByRole('alert').filter({ hasText: 'Could not' })).toHaveCount(0);
        await expectAccessible(adminPage);
      });
    }
    expect(complaints).toEqual([]);
  });
}

test('a phone can read the overview and the nodes', async ({ adminPage }) => {
  await adminPage.setViewportSize({ width: 390, height: 844 });
  for (const path of ['/', '/nodes', '/nodes/node-1']) {
    await adminPage.goto(path);
    await expect(adminPage.getByRole('heading', { level: 1 })).toBeVisible();
    const overflow = await adminPage.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, `${path} scrolls sideways`).toBeLessThanOrEqual(0);
  }
  await adminPage.getByRole('button', { name: 'Open the navigation' }).click();
  await adminPage.getByRole('dialog').getByRole('link', { name: 'Services' }).click();
  await expect(adminPage.getByRole('heading', { name: 'Services', level: 1 })).toBeVisible();
});
