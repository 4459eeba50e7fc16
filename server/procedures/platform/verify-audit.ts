/** Checks the hash chain of this console's audit log. */
import { z } from 'zod';
import { query } from '../definition';
import { auditVerification } from '../schemas/audit';

export const verifyAudit = query({
  name: 'audit.verify',
  summary: 'Check that the audit log is unbroken',
  rest: { method: 'GET', path: '/audit/verify' },
  graphql: { field: 'auditVerification' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({}),
  output: auditVerification,
  errors: ['FORBIDDEN'],
  example: {},
  async handler({ context }) {
    const { ok, lines, firstBadLine, message, head } = await context.audit.verify();
    return { ok, lines, first_bad_line: firstBadLine, message, head };
  },
});
