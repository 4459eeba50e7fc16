/** The procedures of `accessPolicy`: what the cluster asks of those who use force. */
import { getAccessPolicy } from './get-access-policy';
import { updateAccessPolicy } from './update-access-policy';

export const accessPolicy = {
  get: getAccessPolicy,
  update: updateAccessPolicy,
} as const;
