/** A group of eighteen with the longest names that are allowed: what one server must hold for it, on a real one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { leastFor, nodeIdLimit } from '../cluster/core/member-limits';
import { PgFixture } from '../testing/pg-fixture';
import { slotName, standbyName } from './settings';

const members = 18;
let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterAll(async () => {
  await fixture.reset();
  await fixture.close();
});

it('has a slot for each, all of them in its list, and senders and connections to spare', async () => {
  const node = await fixture.node('many-1');
  await node.server.bootstrap();
  await node.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000, members });
  const others = Array.from({ length: members - 1 }, (_, index) => `n${index + 2}-`.padEnd(nodeIdLimit, 'x'));
  await node.server.keepSlots(others, {});
  const { slots } = await node.server.slots();
  const kept = new Set(slots.map(({ name }) => name));
  expect(others.map(slotName).filter((name) => !kept.has(name))).toEqual([]);
  await node.server.setSynchronousStandbys(others, 9);
  await node.server.setSynchronizedStandbySlots(others);
  const tag = node.configuration.standbyTag;
  const names = others.map((id) => `"${standbyName(id, tag)}"`).join(',');
  expect((await node.server.report()).synchronousStandbyNames).toBe(`ANY 9 (${names})`);
  // A name is cut at 63 bytes: two that begin alike would be one.
  for (const id of others) expect(standbyName(id, 'abcdef').length).toBeLessThanOrEqual(63);
  const settings = new Map((await node.server.settings()).map((one) => [one.name, Number(one.value)]));
  for (const [name, least] of Object.entries(leastFor(members + 1)))
    expect(settings.get(name), name).toBeGreaterThanOrEqual(least);
});
