/** What an operation is called. A switchover that somebody planned is no failover, though both are of one kind. Pure. */
import type { Operation } from '../../providers/wire';
import { sentence } from '../../ui/format';

type Named = Pick<Operation, 'kind' | 'group'> & { readonly request: Readonly<Record<string, unknown>> };

export function operationKind({ kind, request }: Omit<Named, 'group'>): string {
  return sentence(kind === 'failover' && request.mode === 'switchover' ? 'switchover' : kind);
}

/** `Switchover of alpha`, `Restart node node-2`. */
export function operationName(operation: Named): string {
  const { node } = operation.request;
  if (typeof node === 'string') return `${operationKind(operation)} ${node}`;
  return operation.group === null ? operationKind(operation) : `${operationKind(operation)} of ${operation.group}`;
}
