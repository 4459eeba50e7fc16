import { expect, type Page } from '@playwright/test';

/** The wizard, step by step. */
export class FailoverWizardPage {
  constructor(private readonly page: Page) {}

  async open(group: string): Promise<void> {
    await this.page.goto(`/failover/new?group=${group}`);
    await expect(this.page.getByRole('radiogroup', { name: 'Group' })).toBeVisible();
  }

  async chooseTarget(node: string): Promise<void> {
    await this.page.getByRole('radiogroup', { name: 'New primary' }).getByRole('radio', { name: node }).check();
  }

  async showChecks(): Promise<void> {
    await this.page.getByRole('button', { name: 'Check it' }).click();
    await expect(this.page.getByRole('list', { name: 'Checks of the group' })).toBeVisible();
  }

  checksOf(node: string) {
    return this.page.getByRole('list', { name: `Checks of ${node}` });
  }

  async showPlan(): Promise<void> {
    await this.page.getByRole('button', { name: 'Show the plan' }).click();
    await expect(this.page.getByRole('list', { name: 'Planned steps' })).toBeVisible();
  }

  async plannedSteps(): Promise<readonly string[]> {
    return this.page
      .getByRole('list', { name: 'Planned steps' })
      .locator('li')
      .evaluateAll((items) => items.map((item) => item.getAttribute('data-step') ?? ''));
  }

  async confirm(group: string, reason: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Go on to confirm' }).click();
    await this.page.getByLabel(`Type ${group} to confirm`).fill(group);
    await this.page.getByLabel('Reason').fill(reason);
    await this.page.getByRole('button', { name: /^Run the/ }).click();
  }

  get result() {
    return this.page.getByTestId('failover-result');
  }

  async ranSteps(): Promise<readonly string[]> {
    return this.page
      .getByRole('list', { name: 'Steps', exact: true })
      .locator('li')
      .evaluateAll((items) => items.map((item) => item.getAttribute('data-step') ?? ''));
  }
}
