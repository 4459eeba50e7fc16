import { describe, expect, it } from 'vitest';
import type { PeerAddress } from '../interconnect/api';
import { systemLoop } from '../kernel/loop';
import type { NodeContext } from './node-context';
import { Registration } from './registration';

/** The two sides that registration looks at: the launcher's seeds and the records of the local replica. */
function fixture(seedPorts: Readonly<Record<string, number>>) {
  const records = new Map<string, number>();
  const peers = new Map<string, PeerAddress>();
  const context = {
    config: {
      nodeId: 'n1',
      group: 'alpha',
      seeds: Object.entries(seedPorts).map(([nodeId, port]) => ({ nodeId, host: '127.0.0.1', port })),
    },
    loop: systemLoop,
    interconnect: {
      setPeer: (id: string, address: PeerAddress | null) => (address ? peers.set(id, address) : peers.delete(id)),
      peers: () => [...peers.keys()],
    },
    store: {
      localList: () =>
        [...records].map(([id, agentPort]) => ({
          value: { id, group: id <= 'n2' ? 'alpha' : 'beta', host: '127.0.0.1', agentPort },
        })),
    },
  } as unknown as NodeContext;
  const registration = new Registration(context);
  const ports = () => Object.fromEntries([...peers].map(([id, { port }]) => [id, port]));
  return { records, registration, ports };
}

describe('addresses of the peers', () => {
  it('are the launcher\u2019s while the records still name the ports of the last run', () => {
    const { records, registration, ports } = fixture({ n1: 1, n2: 20, n3: 30 });
    registration.setSeedPeers();
    records.set('n1', 91).set('n2', 92).set('n3', 30);
    registration.setPeers();
    expect(ports()).toEqual({ n2: 20, n3: 30 });
  });

  it('are the record\u2019s from the moment it has caught up with the launcher', () => {
    const { records, registration, ports } = fixture({ n1: 1, n2: 20 });
    registration.setSeedPeers();
    records.set('n2', 92);
    registration.setPeers();
    records.set('n2', 20);
    registration.setPeers();
    records.set('n2', 21);
    registration.setPeers();
    expect(ports()).toEqual({ n2: 21 });
  });

  it('are the record\u2019s for a node that the launcher did not name, and gone with the record', () => {
    const { records, registration, ports } = fixture({ n1: 1, n2: 20 });
    registration.setSeedPeers();
    records.set('n6', 60);
    registration.setPeers();
    expect(ports()).toEqual({ n6: 60 });
  });

  it('are those of its group and the voters in a large cluster, and follow the voters', () => {
    const { records, registration, ports } = fixture({ n1: 1, n2: 20, n39: 39 });
    registration.setSeedPeers();
    for (let number = 1; number <= 60; number++) records.set(`n${number}`, number);
    const members = (...ids: string[]) => ({ voters: ids.map((id) => ({ id, incarnation: 'i' })), learners: [] });
    registration.setConfiguration(members('n39', 'n40'));
    const group = Object.fromEntries([...records].filter(([id]) => id > 'n1' && id <= 'n2'));
    expect(ports()).toEqual({ ...group, n39: 39, n40: 40, n2: 20 });
    registration.setConfiguration(members('n40', 'n41'));
    expect(Object.keys(ports()).sort()).toEqual([...Object.keys(group), 'n40', 'n41'].sort());
    registration.setConfiguration(members('n1', 'n40'));
    expect(Object.keys(ports())).toHaveLength(59);
  });
});
