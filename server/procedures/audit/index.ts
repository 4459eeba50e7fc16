/** The procedures of `audit`: the audit log. */
import { listAudit } from './list-audit';
import { verifyAudit } from './verify-audit';

export const audit = {
  list: listAudit,
  verify: verifyAudit,
} as const;
