/** GraphQL over HTTP, SSE and WebSocket: names, parity with REST, limits, and no listener left behind. */
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';
import { maxDepth } from './limits';
import { buildGraphqlSchema } from './schema';

let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole();
});
afterEach(() => console.stop());

describe('names', () => {
  const schema = buildGraphqlSchema();
  const fieldsOf = (type: string) =>
    (schema.getType(type) as Wire).getFields() as Record<string, { type: unknown; args: Wire[] }>;
  const typesOf = (type: string) =>
    Object.fromEntries(Object.entries(fieldsOf(type)).map(([key, field]) => [key, String(field.type)]));

  it('has every promised field of the object types, with its type', () => {
    expect(typesOf('ClusterNode')).toMatchObject({
      id: 'String!',
      name: 'String!',
      role: 'String!',
      status: 'String!',
      address: 'String!',
      port: 'Int!',
      uptime_seconds: 'BigInt!',
      cpu_usage: 'Float!',
      memory_usage: 'Float!',
    });
    expect(typesOf('ClusterTopology')).toMatchObject({
      total_nodes: 'Int!',
      healthy_nodes: 'Int!',
      degraded_nodes: 'Int!',
      failed_nodes: 'Int!',
      has_quorum: 'Boolean!',
      nodes: '[ClusterNode!]!',
      timestamp: 'DateTime!',
    });
    expect(typesOf('ReplicationStatus')).toMatchObject({
      mode: 'String!',
      state: 'String!',
      lag_ms: 'BigInt!',
      bytes_behind: 'BigInt!',
      last_sync: 'DateTime!',
      healthy: 'Boolean!',
      timestamp: 'DateTime!',
    });
    expect(typesOf('ClusterConfig')).toMatchObject({
      cluster_name: 'String!',
      replication_factor: 'Int!',
      min_quorum_size: 'Int!',
      election_timeout_ms: 'Int!',
      heartbeat_interval_ms: 'Int!',
      auto_failover: 'Boolean!',
      geo_replication: 'Boolean!',
    });
  });

  it('has the promised roots', () => {
    expect(typesOf('Query')).toMatchObject({
      clusterNodes: '[ClusterNode!]!',
      clusterNode: 'ClusterNode',
      clusterTopology: 'ClusterTopology!',
      clusterHealth: 'ClusterHealth!',
      replicationConfig: 'ReplicationConfig',
      replicationStatus: 'ReplicationStatus!',
      gdsServices: '[GlobalService!]!',
    });
    expect(typesOf('Mutation')).toMatchObject({
      addClusterNode: 'ClusterNode!',
      removeClusterNode: 'Boolean!',
      triggerFailover: 'FailoverResult!',
      updateClusterConfig: 'ClusterConfig!',
      configureReplication: 'ReplicationConfig!',
    });
    expect(typesOf('Subscription')).toMatchObject({
      clusterNodeStatusChanged: 'ClusterNode!',
      clusterTopologyChanged: 'ClusterTopology!',
      failoverEvent: 'FailoverEvent!',
      replicationLagChanged: 'ReplicationLag!',
    });
    const argument = (type: string, field: string, name: string) =>
      String(fieldsOf(type)[field]!.args.find((one) => one.name === name)?.type);
    expect(argument('Query', 'clusterNode', 'id')).toBe('ID!');
    expect(argument('Mutation', 'removeClusterNode', 'id')).toBe('ID!');
    expect(argument('Mutation', 'addClusterNode', 'input')).toBe('AddNodeInput!');
    expect(argument('Mutation', 'triggerFailover', 'input')).toBe('FailoverInput!');
    expect(argument('Mutation', 'updateClusterConfig', 'input')).toBe('ClusterConfigInput!');
    expect(argument('Mutation', 'configureReplication', 'input')).toBe('ReplicationConfigInput!');
    expect(argument('Subscription', 'replicationLagChanged', 'threshold_ms')).toBe('Int!');
  });
});

describe('calls', () => {
  it('give what REST gives, times apart', async () => {
    const { body } = await console.json('/api/v1/replication/status');
    const { data } = await console.graphql(
      '{ replicationStatus { mode state lag_ms bytes_behind healthy last_sync timestamp } }',
    );
    const { last_sync, timestamp, ...rest } = data.replicationStatus;
    expect(body).toMatchObject(rest);
    expect(Date.parse(last_sync) / 1000).toBe(body.last_sync);
    expect(Date.parse(timestamp) / 1000).toBe(body.timestamp);
  });

  it('page as a bare list and as a connection', async () => {
    const { data } = await console.graphql(
      '{ clusterNodes(limit: 2) { id } clusterNodesConnection(limit: 2) { items { id } nextCursor totalCount } }',
    );
    expect(data.clusterNodes.map((node: Wire) => node.id)).toEqual(['node-1', 'node-2']);
    const { nextCursor, totalCount } = data.clusterNodesConnection;
    expect(totalCount).toBe(5);
    const second = await console.graphql('query ($c: String) { clusterNodes(cursor: $c) { id } }', { c: nextCursor });
    expect(second.data.clusterNodes.map((node: Wire) => node.id)).toEqual(['node-3', 'node-4', 'node-5']);
  });

  it('answer null for what is not there where the field may be null', async () => {
    expect(await console.graphql('{ clusterNode(id: "node-99") { id } }')).toEqual({ data: { clusterNode: null } });
  });

  it('carry the same error as REST in extensions', async () => {
    const { errors } = await console.graphql('mutation { startClusterNode(id: "node-99") { id } }', {}, 'operator');
    expect(errors[0].message).toBe('No node node-99');
    expect(errors[0].extensions).toMatchObject({ code: 'NOT_FOUND', details: { cluster_code: 'CLU_NODE_NOT_FOUND' } });
    expect(errors[0].extensions.request_id).toBeTruthy();
  });

  it('wait in the older shape, and have a twin that returns the operation', async () => {
    const removal = console.graphql('mutation { removeClusterNode(id: "node-3") }', {}, 'operator');
    const unsubscribe = console.engine.onView(() => {
      unsubscribe();
      const [started] = console.engine.view.operations;
      queueMicrotask(() => console.engine.finish(started!.id, { state: 'succeeded' }));
    });
    expect(await removal).toEqual({ data: { removeClusterNode: true } });
    const twin = await console.graphql(
      'mutation { removeClusterNodeOperation(id: "node-2", dry_run: true) { state steps { name } } }',
      {},
      'operator',
    );
    expect(twin.data.removeClusterNodeOperation).toEqual({ state: 'planned', steps: [{ name: 'check' }] });
  });

  it('refuse deep and wide documents, mutations by GET, and introspection without a name', async () => {
    const deep = `{ operations { ${'request '.repeat(3)} } ${'a: __typename '.repeat(1200)} }`;
    expect((await console.graphql(deep)).errors[0].message).toContain('more than 1000 fields');
    const nested = `{ __schema { types { ${'fields { type { '.repeat(maxDepth)} name ${'} }'.repeat(maxDepth)} } } }`;
    expect((await console.graphql(nested)).errors[0].message).toContain('levels deep');
    const get = await console.json(`/graphql?query=${encodeURIComponent('mutation { logout { success } }')}`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    expect(get.body.errors[0].extensions.code).toBe('METHOD_NOT_ALLOWED');
    const introspection = '{ __schema { queryType { name } } }';
    expect((await console.graphql(introspection, {}, null)).errors[0].extensions.code).toBe('INVALID_INPUT');
    expect((await console.graphql(introspection)).data.__schema.queryType.name).toBe('Query');
  });
});

describe('subscriptions', () => {
  const document = 'subscription { clusterTopologyChanged { sentence } }';

  it('deliver over WebSocket and leave no listener behind', async () => {
    const before = console.engine.listeners;
    const client = createWsClient({
      url: `${console.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${console.keys.viewer}` },
    });
    const items = client.iterate({ query: document });
    expect((await items.next()).value).toEqual({ data: { clusterTopologyChanged: { sentence: 'Healthy' } } });
    console.engine.change(() => ({ sentence: 'Changed' }));
    expect((await items.next()).value).toEqual({ data: { clusterTopologyChanged: { sentence: 'Changed' } } });
    expect(console.engine.listeners).toBe(before + 1);
    await items.return?.();
    await client.dispose();
    await expect.poll(() => console.engine.listeners).toBe(before);
  });

  it('deliver over SSE and leave no listener behind', async () => {
    const before = console.engine.listeners;
    const client = createSseClient({
      url: `${console.url}/graphql/stream`,
      headers: { 'X-API-Key': console.keys.viewer },
    });
    const items = client.iterate({ query: document });
    expect((await items.next()).value).toEqual({ data: { clusterTopologyChanged: { sentence: 'Healthy' } } });
    await items.return?.();
    client.dispose();
    await expect.poll(() => console.engine.listeners).toBe(before);
  });

  it('are refused without a caller', async () => {
    const client = createWsClient({ url: `${console.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket });
    const items = client.iterate({ query: document });
    const { value } = await items.next();
    expect((value as Wire).errors[0].extensions.code).toBe('UNAUTHORIZED');
    await client.dispose();
  });

  it('tell a node whose status changed, and only that', async () => {
    const client = createSseClient({
      url: `${console.url}/graphql/stream`,
      headers: { 'X-API-Key': console.keys.viewer },
    });
    const items = client.iterate({ query: 'subscription { clusterNodeStatusChanged { id status } }' });
    const before = console.engine.listeners;
    const next = items.next();
    await expect.poll(() => console.engine.listeners).toBe(before + 1);
    console.engine.change((view) => ({
      nodes: view.nodes.map((node) => (node.record.id === 'node-3' ? { ...node, status: 'degraded' as const } : node)),
    }));
    expect((await next).value).toEqual({ data: { clusterNodeStatusChanged: { id: 'node-3', status: 'degraded' } } });
    client.dispose();
  });
});
