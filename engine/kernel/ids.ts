/**
 * Names of things. Flavoured strings: a plain string is accepted (they arrive as JSON), but a NodeId never passes for a GroupName.
 */
declare const flavour: unique symbol;
type Flavour<T, F extends string> = T & { readonly [flavour]?: F };

/** `node-1`: stable name of a node, also its RAC instance and Raft peer name. `^[a-z0-9][a-z0-9-]{0,62}$` */
export type NodeId = Flavour<string, 'NodeId'>;
/** `alpha`: one replica set. Same alphabet as NodeId. */
export type GroupName = Flavour<string, 'GroupName'>;
/** Identity of one life of a node's data directory (uuid). A wiped directory has a new one and is another Raft voter. */
export type Incarnation = Flavour<string, 'Incarnation'>;
/** Operation id: time-ordered (uuid v7), so that a listing by key is a listing by age. */
export type OperationId = Flavour<string, 'OperationId'>;
/** Group epoch: 1 at creation, +1 at every change of primary. Fences everything the old primary's side could still do. */
export type Epoch = Flavour<number, 'Epoch'>;
/** Milliseconds on the local monotonic clock (`performance.now()`); never compared across processes. */
export type MonotonicMs = Flavour<number, 'MonotonicMs'>;
/** Milliseconds since the machine booted, those it slept included (`kernel/boot-clock.ts`); only differences mean something. */
export type BootMs = Flavour<number, 'BootMs'>;

const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function isName(value: string): boolean {
  return namePattern.test(value);
}
