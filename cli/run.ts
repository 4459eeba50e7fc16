/**
 * One command line to its exit code: what the answer says on stdout, what went wrong on stderr, every reason of a refusal included. With
 * `--json` the last line of stderr is then the error as one object, whoever found it: the server, this program or commander.
 */
import { CommanderError } from 'commander';
import { CommandFailure, type ErrorBody } from './client';
import { errorCodeOf, exitCodes } from './exit-codes';
import { buildProgram, type Surroundings, versionAsked } from './program';

export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<number> {
  // Read before the line is: also one that can't be read is refused in the form that was asked for.
  const asJson = words.includes('--json');
  const program = buildProgram({ ...surroundings, quietErrors: asJson });
  try {
    // Commander's commands inherit nothing: each one must leave the exit to us.
    for (const area of program.commands) for (const command of [area, ...area.commands]) command.exitOverride();
    await program.parseAsync([...words], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.code === versionAsked) {
      const { message: version } = error;
      surroundings.print(asJson ? JSON.stringify({ version }) : version);
    }
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    const failure = failureOf(error);
    if (asJson) surroundings.complain(JSON.stringify({ error: bodyOf(failure) }));
    else if (!(error instanceof CommanderError)) {
      surroundings.complain(`rustydbctl: ${failure.message}`);
      for (const line of reasonsOf(failure.body)) surroundings.complain(line);
    }
    return failure.exitCode;
  }
}

function failureOf(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommanderError) return new CommandFailure(message.replace(/^error: /, ''), exitCodes.usage);
  return new CommandFailure(message, exitCodes.unexpected);
}

/** The server's own, whole; what never reached a server in the same form. */
function bodyOf({ body, message, exitCode }: CommandFailure): ErrorBody {
  return body ?? { code: errorCodeOf(exitCode), message, details: null };
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
