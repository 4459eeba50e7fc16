import { adminPassword, expect, test } from '../fixtures/console';
import { SignInPage } from '../pages/sign-in-page';

test('a wrong password is refused, and says nothing about what was wrong', async ({ page }) => {
  const signIn = new SignInPage(page);
  await signIn.open();
  await signIn.signIn('admin', 'certainly not this one');
  await expect(signIn.refusal).toBeVisible();
  await expect(page).toHaveURL(/sign-in/);
});

test('without a session a page leads to the sign-in and back', async ({ page }) => {
  await page.goto('/nodes?nodes.q=node-1');
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await new SignInPage(page).signIn('admin', adminPassword());
  await expect(page.getByRole('heading', { name: 'Nodes', level: 1 })).toBeVisible();
  await expect(page.getByRole('searchbox', { name: 'Filter Nodes' })).toHaveValue('node-1');
});

test('it never leads to another site', async ({ page }) => {
  await page.goto('/sign-in?next=//example.com/');
  await new SignInPage(page).signIn('admin', adminPassword());
  await expect(page.getByTestId('verdict')).toBeVisible();
  expect(new URL(page.url()).pathname).toBe('/');
});

test('signing out ends the session', async ({ adminPage }) => {
  await adminPage.getByRole('button', { name: /^Account/ }).click();
  await adminPage.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(adminPage).toHaveURL(/sign-in/);
  await adminPage.goto('/');
  await expect(adminPage).toHaveURL(/sign-in/);
});
