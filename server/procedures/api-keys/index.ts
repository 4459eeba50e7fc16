/** The procedures of `apiKeys`: keys of programs. */
import { createApiKey } from './create-api-key';
import { listApiKeys } from './list-api-keys';
import { revokeApiKey } from './revoke-api-key';

export const apiKeys = {
  create: createApiKey,
  list: listApiKeys,
  revoke: revokeApiKey,
} as const;
