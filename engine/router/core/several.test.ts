import { describe, expect, it } from 'vitest';
import type { RouterStatus } from '../../runtime/engine-api';
import { defaultLimits } from '../limits';
import { partOf, together } from './several';

const statusOf = (sessions: number, change: Partial<RouterStatus['services'][number]> = {}): RouterStatus => ({
  host: 'h',
  pid: 1,
  startedAt: 'then',
  services: [
    {
      service: 'alpha-rw',
      group: 'alpha',
      kind: 'rw',
      host: 'h',
      port: 1,
      strategy: 'primary',
      held: 1,
      openSessions: sessions,
      totalSessions: 10,
      refused: 2,
      next: { node: 'a', reason: 'primary' },
      endpoints: [{ node: 'a', state: 'active', reason: null, sessions, weight: 1, connectMs: null }],
      ...change,
    },
  ],
  clients: Array.from({ length: sessions }, () => ({
    service: 'alpha-rw',
    node: 'a',
    clientAddress: 'c',
    user: null,
    database: null,
    applicationName: null,
    since: 'then',
    bytesIn: 0,
    bytesOut: 0,
  })),
});

describe('several router processes', () => {
  it('count together: sessions, held and refused connections, clients up to the limit', () => {
    const whole = together(statusOf(2), [statusOf(3), statusOf(1)], 5);
    expect(whole.services[0]).toMatchObject({ held: 3, openSessions: 6, totalSessions: 30, refused: 6 });
    expect(whole.services[0]!.endpoints[0]!.sessions).toBe(6);
    expect(whole.clients).toHaveLength(5);
  });

  it('one that does not know a service or a server yet adds nothing', () => {
    const whole = together(statusOf(2), [{ ...statusOf(3), services: [] }, statusOf(1, { endpoints: [] })], 100);
    expect(whole.services[0]).toMatchObject({ openSessions: 3 });
    expect(whole.services[0]!.endpoints[0]!.sessions).toBe(2);
  });

  it('have no more places together than one alone, and each has some', () => {
    for (const processes of [1, 2, 3, 8]) {
      const part = partOf(defaultLimits, processes);
      for (const name of ['maxHeld', 'maxSessions', 'maxOpening', 'maxUnproven', 'maxUnprovenPerAddress'] as const) {
        expect(part[name], name).toBeGreaterThan(0);
        expect(part[name] * processes, name).toBeLessThanOrEqual(defaultLimits[name]);
      }
    }
    expect(partOf(defaultLimits, 1)).toEqual(defaultLimits);
  });
});
