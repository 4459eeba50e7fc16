import { describe, expect, it } from 'vitest';
import type { NodeView } from '@/engine/cluster/model';
import type { PeerLinkStatus } from '@/engine/interconnect/api';
import { presentInterconnect, presentInterconnectStats } from './present';

const node = (id: string, since: string | null) =>
  ({
    record: { id, host: 'h', agentPort: 7 },
    report: since === null ? null : { agentStartedAt: since },
  }) as unknown as NodeView;
const link = (peer: string, patch: Partial<PeerLinkStatus> = {}): PeerLinkStatus => ({
  peer,
  connected: true,
  rttUs: null,
  lastHeardMs: 1,
  phi: 0,
  sentMessages: 1,
  receivedMessages: 2,
  sentBytes: 500_000,
  receivedBytes: 4,
  queuedBytes: 5,
  droppedMessages: 6,
  reconnects: 7,
  lostPings: 8,
  ...patch,
});

describe('the interconnect of a node', () => {
  it('tells suspected peers from healthy and lost ones', () => {
    const links = [
      link('b'),
      link('c', { phi: 3 }),
      link('d', { connected: false, phi: 90 }),
      link('e', { phi: null }),
    ];
    expect(presentInterconnect(node('a', null), links)).toMatchObject({
      local_node: 'a',
      listen_address: 'h:7',
      active_connections: 3,
      healthy_nodes: ['b', 'e'],
      suspected_nodes: ['c'],
      down_nodes: ['d'],
    });
  });
});

describe('sums', () => {
  const nowMs = Date.parse('2026-01-01T00:00:08.000Z');

  it('are of every link that was counted, with the rate since the agents began', () => {
    const since = '2026-01-01T00:00:00.000Z';
    const stats = presentInterconnectStats(
      [
        { node: node('a', since), answer: [link('b'), link('c', { connected: false, lostPings: undefined })] },
        { node: node('b', since), answer: [link('a')] },
      ],
      ['c'],
      nowMs,
    );
    expect(stats).toMatchObject({
      messages_sent: 3,
      bytes_sent: 1_500_000,
      failed_sends: 18,
      heartbeat_failures: 16,
      links: 3,
      connected_links: 2,
      avg_throughput_mbps: 1.5,
      missing_nodes: ['c'],
    });
    expect(stats.nodes.map((one) => one.avg_throughput_mbps)).toEqual([1, 0.5]);
  });

  it('estimate one way as half the mean round trip of the links that are up, and invent none', () => {
    const rttUs = (p50: number) => ({ last: 9, p50, p99: 900 });
    const answer = [link('b', { rttUs: rttUs(100) }), link('c', { rttUs: rttUs(300) }), link('d')];
    const lost = [link('a', { rttUs: rttUs(5000), connected: false })];
    const stats = presentInterconnectStats(
      [
        { node: node('a', null), answer },
        { node: node('b', null), answer: lost },
      ],
      [],
      nowMs,
    );
    expect(stats.avg_message_latency_us).toBe(100);
    expect(stats.nodes.map((one) => one.avg_message_latency_us)).toEqual([100, null]);
  });

  it('have no rate where nobody knows since when was counted', () => {
    expect(
      presentInterconnectStats([{ node: node('a', null), answer: [link('b')] }], [], nowMs).avg_throughput_mbps,
    ).toBeNull();
  });
});
