/** What the store refuses before it writes anything, in words that say what to do. */
import { ClusterError } from '../../kernel/errors';
import type { Txn } from '../store';
import { limits, utf8Length } from './kv';

function refuse(rule: string, measured: string, limit: string, remedy: string): never {
  throw new ClusterError(
    'PAYLOAD_TOO_LARGE',
    `The control store refuses the write: ${rule} is ${measured}, allowed is ${limit}`,
    {
      reasons: [{ rule: rule.replaceAll(' ', '-'), measured, limit, remedy }],
    },
  );
}

/** @throws ClusterError PAYLOAD_TOO_LARGE or INVALID_INPUT */
export function checkTxn(txn: Txn, stateBytes: number): void {
  if (txn.mutations.length + txn.compare.length > limits.maxMutations) {
    refuse('transaction size', `${txn.mutations.length} changes`, `${limits.maxMutations}`, 'Split the transaction.');
  }
  let total = 0;
  for (const { key } of txn.compare) checkKey(key);
  for (const mutation of txn.mutations) {
    checkKey(mutation.key);
    if (mutation.kind === 'delete') continue;
    if (mutation.value === undefined) throw new ClusterError('INVALID_INPUT', `Key ${mutation.key} has no value`);
    const bytes = utf8Length(JSON.stringify(mutation.value));
    if (bytes > limits.maxValueBytes) {
      refuse(
        'value size',
        `${bytes} bytes (key ${mutation.key})`,
        `${limits.maxValueBytes} bytes`,
        'Store large data in PostgreSQL.',
      );
    }
    total += bytes;
  }
  if (total > limits.maxTxnBytes) {
    refuse('transaction size', `${total} bytes`, `${limits.maxTxnBytes} bytes`, 'Split the transaction.');
  }
  if (total > 0 && stateBytes > limits.maxStateBytes) refuseFull(stateBytes);
}

export function refuseFull(stateBytes: number): never {
  refuse(
    'state size',
    `${stateBytes} bytes`,
    `${limits.maxStateBytes} bytes`,
    'Delete what is no longer needed (finished operations, old users) first.',
  );
}

function checkKey(key: string): void {
  if (typeof key !== 'string' || key.length === 0 || utf8Length(key) > limits.maxKeyBytes) {
    throw new ClusterError('INVALID_INPUT', `A key has 1 to ${limits.maxKeyBytes} bytes`);
  }
}
