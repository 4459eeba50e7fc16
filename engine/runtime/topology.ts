/**
 * The topology of a new cluster: which groups, nodes and regions. Read from the YAML file RUSTYDB_TOPOLOGY, or the default of five nodes in
 * two groups. It matters on the first start only; later the control store is the truth.
 */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { isNodeName, mostMembers, nodeIdLimit } from '../cluster/core/member-limits';
import { isName, type NodeId } from '../kernel/ids';

const name = z.string().refine(isName, 'use a–z, 0–9 and "-", at most 63, starting with a letter or digit');

const nodeName = z
  .string()
  .refine(isNodeName, `use a–z, 0–9 and "-", at most ${nodeIdLimit}, starting with a letter or digit`);

const nodeSchema = z.strictObject({
  id: nodeName,
  region: name.default('local'),
  priority: z.number().int().min(0).max(1000).default(100),
});

const groupSchema = z.strictObject({
  name,
  commit_mode: z.enum(['synchronous', 'semi_synchronous', 'asynchronous']).default('semi_synchronous'),
  on_no_standby: z.enum(['degrade', 'wait']).optional(),
  nodes: z.array(nodeSchema).min(1).max(mostMembers),
});

export const topologySchema = z.strictObject({
  cluster_name: z.string().min(1).max(64).default('rustydb'),
  lease_ms: z.number().int().min(1000).max(60_000).default(2000),
  groups: z.array(groupSchema).min(1).max(100),
});

export type Topology = z.infer<typeof topologySchema>;

export const defaultTopology: Topology = topologySchema.parse({
  cluster_name: 'rustydb',
  groups: [
    {
      name: 'alpha',
      nodes: [
        { id: 'node-1', region: 'us-east' },
        { id: 'node-2', region: 'us-east' },
        { id: 'node-3', region: 'eu-west' },
      ],
    },
    {
      name: 'beta',
      nodes: [
        { id: 'node-4', region: 'us-east' },
        { id: 'node-5', region: 'eu-west' },
      ],
    },
  ],
});

/** @throws Error with one sentence that names the file, the field and what is allowed. */
export function readTopology(path: string): Topology {
  let raw: unknown;
  try {
    raw = parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`The topology file ${path} can't be read as YAML: ${(error as Error).message}`);
  }
  const parsed = topologySchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(
      `The topology file ${path} is not valid at ${issue?.path.join('.') || '(top)'}: ${issue?.message}.`,
    );
  }
  assertUnique(path, parsed.data);
  return parsed.data;
}

function assertUnique(path: string, topology: Topology): void {
  const nodes = new Set<NodeId>();
  const groups = new Set<string>();
  for (const group of topology.groups) {
    if (groups.has(group.name)) throw new Error(`The topology file ${path} names the group ${group.name} twice.`);
    groups.add(group.name);
    for (const node of group.nodes) {
      if (nodes.has(node.id)) throw new Error(`The topology file ${path} names the node ${node.id} twice.`);
      nodes.add(node.id);
    }
  }
}
