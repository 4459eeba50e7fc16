/** Who may come in and what they may do: an invitation from link to first sign-in, what a viewer is shown, and an ended session. */
import { adminPassword, expect, expectAccessible, test } from '../fixtures/console';
import { SignInPage } from '../pages/sign-in-page';

test('an invited viewer chooses a password, looks, and is told who may act', async ({
  adminPage,
  browser,
  baseURL,
}) => {
  await adminPage.goto('/access?tab=invitations');
  await adminPage.getByRole('button', { name: 'Invite a user' }).click();
  await adminPage.getByLabel('User name').fill('visitor');
  await adminPage.getByRole('button', { name: 'Make the link' }).click();
  const link = await adminPage.getByRole('dialog').locator('code, pre').first().innerText();
  expect(link).toContain('/invitation');

  const context = await browser.newContext(baseURL === undefined ? {} : { baseURL });
  try {
    const page = await context.newPage();
    await page.goto(link.trim());
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expectAccessible(page);
    for (const field of await page.locator('input[type=password]').all()) await field.fill('a-long-enough-password-1');
    await page.getByRole('button', { name: 'Take the account' }).click();
    await expect(page.getByTestId('verdict')).toBeVisible();
    await page.goto('/access');
    await expect(page.getByText(/admin/).first()).toBeVisible();
    await page.goto('/failover/new?group=alpha');
    await expect(page.getByText(/operator/).first()).toBeVisible();
    // The link worked once: the page takes the password and says so.
    await page.goto('/sign-in');
    await page.goto(link.trim());
    for (const field of await page.locator('input[type=password]').all()) await field.fill('a-long-enough-password-2');
    await page.getByRole('button', { name: 'Take the account' }).click();
    await expect(page.getByRole('alert').first()).toBeVisible();
  } finally {
    await context.close();
  }
});

test('a session that an admin ends is out at its next step', async ({ adminPage, browser, baseURL }) => {
  const context = await browser.newContext({
    ...(baseURL === undefined ? {} : { baseURL }),
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0',
  });
  try {
    const page = await context.newPage();
    const signIn = new SignInPage(page);
    await signIn.open();
    await signIn.signIn('admin', adminPassword());
    await expect(page.getByTestId('verdict')).toBeVisible();
    await adminPage.goto('/access?tab=sessions');
    const row = adminPage.getByRole('row').filter({ hasText: 'Firefox' });
    await row.getByRole('button', { name: 'End' }).click();
    await adminPage.getByRole('dialog').getByRole('button', { name: /End/ }).click();
    await expect(row).toHaveCount(0);
    await page.goto('/nodes');
    await expect(page).toHaveURL(/sign-in/);
  } finally {
    await context.close();
  }
});
