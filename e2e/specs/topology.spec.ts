/** The map's labels, as the browser really sets them: none lies on another one or on a card, with every layer shown. */
import { expect, test } from '../fixtures/console';

type Box = {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

const overlap = (a: Box, b: Box) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

test('no label of a link lies on another one or on a card', async ({ adminPage }) => {
  await adminPage.goto('/topology?layers=replication,interconnect,services');
  const labels = adminPage.locator('[data-label]');
  // Three standbys and ten pairs.
  await expect(labels).toHaveCount(13);
  const boxes = await adminPage.locator('[data-label], .map-card').evaluateAll((elements) =>
    elements.map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return { name: element.textContent ?? '', x, y, width, height };
    }),
  );
  for (const [index, box] of boxes.entries()) {
    for (const other of boxes.slice(index + 1)) expect(overlap(box, other), `${box.name} on ${other.name}`).toBe(false);
  }
});
