/** One command line to its exit code: what the answer says on stdout, what went wrong on stderr, every reason of a refusal included. */
import { CommanderError } from 'commander';
import { CommandFailure, type ErrorBody } from './client';
import { exitCodes } from './exit-codes';
import { buildProgram, type Surroundings, versionAsked } from './program';

export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = buildProgram(surroundings);
  try {
    // Commander's commands inherit nothing: each one must leave the exit to us.
    for (const area of program.commands) for (const command of [area, ...area.commands]) command.exitOverride();
    await program.parseAsync([...words], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.code === versionAsked) {
      const { message: version } = error;
      surroundings.print(words.includes('--json') ? JSON.stringify({ version }) : version);
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof CommandFailure)) {
      surroundings.complain(`rustydbctl: ${error instanceof Error ? error.message : String(error)}`);
      return exitCodes.unexpected;
    }
    surroundings.complain(`rustydbctl: ${error.message}`);
    for (const line of reasonsOf(error.body)) surroundings.complain(line);
    return error.exitCode;
  }
}

function reasonsOf(body: ErrorBody | null): string[] {
  const details = body?.details ?? {};
  const reasons = Array.isArray(details.reasons) ? (details.reasons as Record<string, string | null>[]) : [];
  const fields = Array.isArray(details.fields) ? (details.fields as Record<string, string>[]) : [];
  return [
    ...reasons.map(
      ({ rule, node, measured, limit, remedy }) =>
        `  ${node ? `${node}: ` : ''}${rule}: ${measured ?? '-'} (limit ${limit ?? '-'})${remedy ? `. ${remedy}` : ''}`,
    ),
    ...fields.slice(1).map(({ field, message }) => `  ${field}: ${message}`),
  ];
}
