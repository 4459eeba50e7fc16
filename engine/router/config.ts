/** The router's configuration file: read once, checked completely, refused with the field's name. */
import { readFileSync } from 'node:fs';
import { ClusterError, messageOf } from '../kernel/errors';
import type { GroupName, NodeId } from '../kernel/ids';

/** More share too few places for those who have not signed in. */
export const mostRouterProcesses = 8;

export type ServiceConfig = {
  readonly service: string;
  readonly group: GroupName;
  readonly kind: 'rw' | 'ro';
  readonly host: string;
  /** 0: any free port; the status says which. */
  readonly port: number;
};

export type RouterConfig = {
  readonly clusterId: string;
  readonly secretFile: string;
  readonly host: string;
  readonly seeds: readonly { readonly nodeId: NodeId; readonly host: string; readonly port: number }[];
  readonly services: readonly ServiceConfig[];
  readonly region: string | null;
  readonly statusIntervalMs: number;
  /** How many serve the ports together; absent: one. */
  readonly processes?: number;
  /** PEM files; without them SSLRequest is answered `N`. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | null;
  /** Certificates towards the agents, across hosts; without them the interconnect is plain (loopback). */
  readonly interconnectTls?: { readonly cert: string; readonly key: string; readonly ca: string } | null;
};

type Fields = Readonly<Record<string, unknown>>;

function refuse(field: string, wanted: string): never {
  throw new ClusterError('INVALID_INPUT', `router configuration: ${field} must be ${wanted}`);
}

function fieldsOf(value: unknown, field: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, 'an object');
  return value as Fields;
}

function text(fields: Fields, name: string, where: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') refuse(`${where}${name}`, 'a non-empty string');
  return value;
}

function port(fields: Fields, where: string, lowest: number): number {
  const value = fields.port;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < lowest || value > 65_535) {
    refuse(`${where}port`, `a port number from ${lowest} to 65535`);
  }
  return value;
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value) || value.length === 0) refuse(name, 'a non-empty list');
  return value;
}

function readService(value: unknown, index: number): ServiceConfig {
  const where = `services[${index}].`;
  const fields = fieldsOf(value, where.slice(0, -1));
  const kind = fields.kind;
  if (kind !== 'rw' && kind !== 'ro') refuse(`${where}kind`, '"rw" or "ro"');
  return {
    service: text(fields, 'service', where),
    group: text(fields, 'group', where),
    kind,
    host: text(fields, 'host', where),
    port: port(fields, where, 0),
  };
}

function readTls(value: unknown): RouterConfig['tls'] {
  if (value === undefined || value === null) return null;
  const fields = fieldsOf(value, 'tls');
  return { certFile: text(fields, 'certFile', 'tls.'), keyFile: text(fields, 'keyFile', 'tls.') };
}

function readInterconnectTls(value: unknown): RouterConfig['interconnectTls'] {
  if (value === undefined || value === null) return null;
  const fields = fieldsOf(value, 'interconnectTls');
  const file = (name: string) => text(fields, name, 'interconnectTls.');
  return { cert: file('cert'), key: file('key'), ca: file('ca') };
}

function readProcesses(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > mostRouterProcesses)
    refuse('processes', `from 1 to ${mostRouterProcesses}`);
  return value;
}

/** @throws ClusterError INVALID_INPUT naming the field. */
export function parseRouterConfig(value: unknown): RouterConfig {
  const fields = fieldsOf(value, 'the file');
  const interval = fields.statusIntervalMs ?? 1_000;
  if (typeof interval !== 'number' || !(interval >= 100 && interval <= 60_000)) {
    refuse('statusIntervalMs', 'from 100 to 60000');
  }
  const region = fields.region ?? null;
  if (region !== null && typeof region !== 'string') refuse('region', 'a string or null');
  return {
    clusterId: text(fields, 'clusterId', ''),
    secretFile: text(fields, 'secretFile', ''),
    host: text(fields, 'host', ''),
    seeds: list(fields, 'seeds').map((seed, index) => {
      const where = `seeds[${index}].`;
      const seedFields = fieldsOf(seed, where.slice(0, -1));
      return {
        nodeId: text(seedFields, 'nodeId', where),
        host: text(seedFields, 'host', where),
        port: port(seedFields, where, 1),
      };
    }),
    services: list(fields, 'services').map(readService),
    region,
    statusIntervalMs: interval,
    ...(fields.processes === undefined ? {} : { processes: readProcesses(fields.processes) }),
    tls: readTls(fields.tls),
    interconnectTls: readInterconnectTls(fields.interconnectTls),
  };
}

/** @throws ClusterError INVALID_INPUT when the file can't be read or is not valid. */
export function readRouterConfig(path: string): RouterConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ClusterError('INVALID_INPUT', `router configuration ${path} can't be read: ${messageOf(error)}`);
  }
  return parseRouterConfig(value);
}
