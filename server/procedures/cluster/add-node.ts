/** Adds a standby. The embedded driver provisions it by base backup; attaching a server that runs elsewhere is the attach driver's work. */
import { z } from 'zod';
import type { ClusterView } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { ProcedureContext } from '../context';
import { mutation } from '../definition';
import { findGroup, findNode } from '../shared/find';
import { isAdmin } from '../shared/identity';
import { runOperation } from '../shared/operate';
import { untilSeen } from '../shared/own-write';
import { presentNode } from '../shared/present-node';
import { groupName, guardInput, nodeId } from '../shared/primitives';
import { clusterNode } from '../shared/wire-node';
import { operation } from '../shared/wire-operation';

const visibleWithinMs = 5000;

export const addNode = mutation({
  name: 'cluster.addNode',
  summary: 'Add a node: provision a new standby by base backup',
  rest: { method: 'POST', path: '/cluster/nodes' },
  graphql: { field: 'addClusterNode', style: 'input' },
  role: 'operator',
  rate: 'write',
  input: z
    .strictObject({
      node_id: nodeId,
      address: z.string().min(1).max(255).optional().meta({
        description:
          'Host that the cluster has nodes on; default: that of the primary. The port is chosen there: one that is given behind the host says nothing',
      }),
      role: z.enum(['standby', 'follower']).optional().meta({ description: 'A new node is always a standby' }),
      group: groupName.optional().meta({ description: 'Default: the first group' }),
      region: z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
        .optional()
        .meta({ description: "Default: the region of the group's primary" }),
      mode: z.enum(['provision', 'attach']).optional().meta({ description: 'Default: provision' }),
      ...guardInput,
    })
    .meta({ id: 'AddNodeInput', description: 'A node to add' }),
  output: operation,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'FORBIDDEN', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { node_id: 'node-9', group: 'alpha', dry_run: true },
  legacy: {
    status: 201,
    output: clusterNode,
    waits: (input) => input.mode === 'attach',
    present(done, context) {
      const current = context.engine.current();
      const id = done.request.kind === 'add-node' ? done.request.node : '';
      return presentNode(current, findNode(current.view, id), isAdmin(context.identity));
    },
  },
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const group = findGroup(view, input.group);
    if (input.mode === 'attach') {
      throw new ClusterError(
        'INVALID_INPUT',
        'This cluster runs its own PostgreSQL servers; it cannot attach a running one',
        {
          reasons: [
            {
              rule: 'driver-can-attach',
              measured: 'embedded',
              limit: 'attach',
              remedy: 'Leave mode out, or say provision: a new standby is then cloned from the primary',
            },
          ],
        },
      );
    }
    if (view.nodes.some((node) => node.record.id === input.node_id)) {
      throw new ClusterError('CONFLICT', `Node ${input.node_id} already exists`);
    }
    const primary = view.nodes.find((node) => node.record.id === group.record.primary);
    const host = input.address === undefined ? undefined : withoutPort(input.address);
    if (host !== undefined) requireKnownHost(view, host);
    const started = await runOperation(context, input, {
      kind: 'add-node',
      node: input.node_id,
      group: group.record.name,
      region: input.region ?? primary?.record.region ?? 'default',
      host: host ?? primary?.record.host ?? '127.0.0.1',
    });
    if (!input.dry_run) await untilVisible(context, input.node_id, started.id);
    return started;
  },
});

/** The operation has recorded the node a moment after it began. Not waited for when it ended meanwhile. */
function untilVisible(context: ProcedureContext, node: string, operation: string): Promise<void> {
  const visible = (view: ClusterView) => {
    const found = view.operations.find((one) => one.id === operation);
    return view.nodes.some((one) => one.record.id === node) || (found !== undefined && found.finishedAt !== null);
  };
  return untilSeen(context, visible, visibleWithinMs);
}

/** `host:port` as it stands in many a list of nodes; `::1` is a host, `[::1]:5432` one with a port. */
function withoutPort(address: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d{1,5})?|([^:]+):\d{1,5})$/.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}

/** Nobody would start an agent on another host: the node would come up here, under an address that is not its own. */
function requireKnownHost(view: ClusterView, address: string): void {
  const hosts = [...new Set(view.nodes.map((node) => node.record.host))];
  if (hosts.includes(address)) return;
  throw new ClusterError('INVALID_INPUT', `No agent can be started at ${address}: the cluster has no node there`, {
    reasons: [
      {
        rule: 'address-has-agents',
        measured: address,
        limit: hosts.join(', '),
        remedy: 'Leave address out, or name a host that the cluster has nodes on',
      },
    ],
  });
}
