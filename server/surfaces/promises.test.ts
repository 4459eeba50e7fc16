/**
 * What every procedure promises about who may call it, how often, with what proof and what is kept of it: a second table, kept by hand
 * (promised/procedures.tsv). The matrix of roles takes its expectation from the definitions, so it cannot see a definition that is wrong.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { needsProof } from '@/server/auth/force-paths';
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';

const file = fileURLToPath(new URL('promised/procedures.tsv', import.meta.url));
const [head, ...promised] = readFileSync(file, 'utf8').trim().split('\n');

/** A row as the definition would have it. */
function rowOf(definition: AnyDefinition): string {
  const { name, kind, role, rate, secretKeys = [], unloggedKeys = [] } = definition;
  const proof = typeof definition.needsProof === 'function' ? 'some' : definition.needsProof === true ? 'yes' : '-';
  const audited = kind === 'mutation' || definition.audited === true ? 'yes' : '-';
  return [name, kind, role, rate, proof, audited, [...secretKeys, ...unloggedKeys].join(',') || '-'].join('\t');
}

it('is kept by every procedure, and there is no procedure beside it', () => {
  expect(head?.split('\t')).toEqual(['procedure', 'kind', 'role', 'rate', 'proof', 'audited', 'secret']);
  const rows = allProcedures.map(rowOf);
  const unwritten = rows.filter((row) => !promised.includes(row));
  const unkept = promised.filter((row) => !rows.includes(row));
  // Either the definition is wrong, or the promise changes on purpose (or is new), and this table with it.
  expect({ unwritten, unkept }, 'server/surfaces/promised/procedures.tsv').toEqual({ unwritten: [], unkept: [] });
  expect(promised).toHaveLength(rows.length);
});

it('sees a role, a rate, a proof, a secret and an audit that differ', () => {
  const update = allProcedures.find((one) => one.name === 'users.update')!;
  const row = rowOf(update);
  for (const other of [{ role: 'viewer' }, { rate: 'read' }, { needsProof: false }, { secretKeys: [] }] as const) {
    expect(rowOf({ ...update, ...other } as AnyDefinition)).not.toBe(row);
  }
  const credentials = allProcedures.find((one) => one.name === 'gds.getCredentials')!;
  expect(rowOf({ ...credentials, audited: false } as AnyDefinition)).not.toBe(rowOf(credentials));
});

describe.each(allProcedures.map((one) => [one.name, one] as const))('%s', (_name, definition) => {
  it('keeps what looks like a secret out of log and audit, and nothing that it does not have', () => {
    const { secretKeys = [], unloggedKeys = [] } = definition;
    const schema = z.toJSONSchema(definition.input, { io: 'input', unrepresentable: 'any' });
    const defined = (schema.$defs ?? {}) as Readonly<Record<string, Schema>>;
    const keys = Object.entries(resolved(schema as Schema, defined).properties ?? {});
    const holding = (pattern: RegExp) =>
      keys
        .filter(([key, value]) => [key, ...keysWithin(value, defined)].some((one) => pattern.test(one)))
        .map(([key]) => key)
        .sort();
    expect(holding(looksSecret)).toEqual([...secretKeys].sort());
    expect(holding(looksPersonal)).toEqual([...unloggedKeys].sort());
  });

  it('is limited like a change if it is one', () => {
    if (definition.kind === 'mutation') expect(['write', 'login']).toContain(definition.rate);
    else expect(['read', 'node']).toContain(definition.rate);
  });
});

describe('what hands out power', () => {
  const asks = (name: string, input: Record<string, unknown>) =>
    needsProof(allProcedures.find((one) => one.name === name)!, input);

  it.each([
    ['apiKeys.create', { name: 'any', role: 'viewer' }],
    ['users.create', { username: 'maria', password: 'x', role: 'viewer' }],
    ['users.update', { id: 'maria', role: 'viewer' }],
    ['users.update', { id: 'maria', password: 'x' }],
    ['users.update', { id: 'maria', disabled: false }],
    ['invitations.create', { username: 'maria', role: 'viewer' }],
    ['approvals.approve', { id: 'any' }],
    ['accessPolicy.update', { force_needs_approval: true }],
    ['cluster.failover', { group: 'alpha', allow_data_loss: true }],
  ])('%s asks for the password: %o', (name, input) => {
    expect(asks(name, input)).toBe(true);
  });

  it.each([
    ['users.update', { id: 'maria', disabled: true }],
    ['users.delete', { id: 'maria' }],
    ['apiKeys.revoke', { id: 'any' }],
    ['approvals.reject', { id: 'any' }],
    ['cluster.failover', { group: 'alpha', allow_data_loss: true, dry_run: true }],
  ])('%s does not, it takes away or changes nothing: %o', (name, input) => {
    expect(asks(name, input)).toBe(false);
  });
});

type Schema = { readonly properties?: Readonly<Record<string, Schema>>; readonly $ref?: string };
type Defined = Readonly<Record<string, Schema>>;

const looksSecret = /password|secret|token/i;
/** Of statements. */
const looksPersonal = /^parameters$/;

/** Schemas with a name of their own stand under `$defs`. */
function resolved(schema: Schema, defined: Defined): Schema {
  return schema.$ref === undefined ? schema : defined[schema.$ref.replace(/^.*\//, '')]!;
}

function keysWithin(schema: unknown, defined: Defined): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const whole = resolved(schema as Schema, defined);
  return [...Object.keys(whole.properties ?? {}), ...Object.values(whole).flatMap((one) => keysWithin(one, defined))];
}
