/**
 * Headers of an answer that may hold several refusals (the fields of a document, the calls of a batch). Of limits the strictest counts: who
 * waits that long is over none of them.
 */
import type { ClusterError } from '@/engine/kernel/errors';
import { refusalHeaders } from './rest/send';

export function headersOfRefusals(errors: readonly ClusterError[]): Record<string, string> {
  const byWait = [...errors].sort((a, b) => waitOf(a) - waitOf(b));
  return Object.assign({}, ...byWait.map(refusalHeaders));
}

function waitOf(error: ClusterError): number {
  return error.code === 'RATE_LIMITED' ? Number(error.details.extra?.retry_after ?? 0) : 0;
}
