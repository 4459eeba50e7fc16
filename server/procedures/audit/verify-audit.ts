/** Checks the hash chain of this console's audit log, and that it is the one whose head the control store was told. */
import { z } from 'zod';
import { query } from '../definition';
import { auditVerification } from './wire';

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
    const found = await context.audit.verify();
    return {
      ok: found.ok,
      lines: found.lines,
      first_bad_line: found.firstBadLine,
      message: found.message,
      head: found.head,
      writer: found.writer,
      anchored_lines: found.anchoredLines,
      anchored_at: found.anchoredAt,
      other_writers: found.otherWriters.map((one) => ({
        writer: one.writer,
        anchored_lines: one.anchoredLines,
        anchored_at: one.anchoredAt,
      })),
    };
  },
});
