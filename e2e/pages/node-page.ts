import { expect, type Page } from '@playwright/test';

export class NodePageObject {
  constructor(
    private readonly page: Page,
    readonly id: string,
  ) {}

  async open(tab = ''): Promise<void> {
    await this.page.goto(`/nodes/${this.id}${tab === '' ? '' : `?tab=${tab}`}`);
    await expect(this.page.getByRole('heading', { level: 1 })).toContainText(this.id);
  }

  async expectStatus(status: string): Promise<void> {
    await expect(this.page.getByRole('heading', { level: 1 })).toContainText(status, { timeout: 30_000 });
  }

  action(name: string) {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** Opens the action's dialog, waits for the server's plan, types the name and runs it. */
  async run(action: string, confirmLabel: string): Promise<void> {
    await this.action(action).click();
    const dialog = this.page.getByRole('dialog');
    await expect(dialog.getByRole('list', { name: 'Planned steps' })).toBeVisible();
    await dialog.getByLabel(`Type ${this.id} to confirm`).fill(this.id);
    await dialog.getByRole('button', { name: confirmLabel }).click();
    await expect(dialog.getByTestId('running-operation')).toBeVisible();
    await expect(dialog.getByTestId('running-operation')).toContainText('succeeded', { timeout: 45_000 });
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  }
}
