/** Log entries for people: what changed, never a secret's value. */
import type { Command } from '../core/kv';
import type { Json, RaftConfiguration, RaftLogEntry } from '../store';
import type { Entry } from './core/model';

const secretKey = /^(users|api-keys)\//;
const secretName = /password|secret|hash|token|verifier/i;
const masked = '(secret)';
const maxSummary = 400;

export function describeEntry(entry: Entry): RaftLogEntry {
  const summary = summaryOf(entry);
  return {
    index: entry.index,
    term: entry.term,
    kind: entry.kind,
    summary: summary.length > maxSummary ? `${summary.slice(0, maxSummary)}…` : summary,
    bytes: entry.data.length,
  };
}

function summaryOf(entry: Entry): string {
  if (entry.kind === 'noop') return `leader of term ${entry.term} took over`;
  if (entry.kind === 'configuration') {
    const { voters, learners } = JSON.parse(entry.data) as RaftConfiguration;
    const names = (members: RaftConfiguration['voters']) => members.map((member) => member.id).join(', ') || 'none';
    return `voters: ${names(voters)}; learners: ${names(learners)}`;
  }
  const { txn } = JSON.parse(entry.data) as Command;
  const changes = txn.mutations.map((mutation) =>
    mutation.kind === 'delete'
      ? `delete ${mutation.key}`
      : `put ${mutation.key} = ${textOf(mutation.key, mutation.value)}`,
  );
  const conditions = txn.compare.map((item) =>
    item.modRevision === 0 ? `${item.key} is absent` : `${item.key} is at revision ${item.modRevision}`,
  );
  return conditions.length > 0 ? `if ${conditions.join(' and ')}: ${changes.join('; ')}` : changes.join('; ');
}

function textOf(key: string, value: Json): string {
  return secretKey.test(key) || secretName.test(key) ? masked : JSON.stringify(maskSecrets(value));
}

export function maskSecrets(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(maskSecrets);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, secretName.test(name) ? masked : maskSecrets(inner)]),
  );
}
