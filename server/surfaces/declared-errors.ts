/** The codes that a call may answer with: those that its procedure names, and those that the way to it can give any call of its kind. */
import type { ErrorCode } from '@/engine/kernel/errors';
import type { AnyDefinition } from '@/server/procedures/definition';
import { keepsAnswers } from './idempotency';

export function declaredErrors(definition: AnyDefinition): ReadonlySet<ErrorCode> {
  const codes = new Set<ErrorCode>([...definition.errors, 'INVALID_INPUT', 'RATE_LIMITED']);
  // A role, a key's groups, another site.
  if (definition.role !== 'anonymous') codes.add('UNAUTHORIZED').add('FORBIDDEN');
  // With a body.
  if (definition.rest?.method !== 'GET')
    codes.add('PAYLOAD_TOO_LARGE').add('UNSUPPORTED_MEDIA_TYPE').add('REQUEST_TIMEOUT');
  // Without a majority.
  if (definition.kind === 'mutation' && !definition.local) codes.add('FORBIDDEN');
  if (keepsAnswers(definition)) codes.add('CONFLICT');
  return codes;
}
