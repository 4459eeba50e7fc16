/**
 * The commands of rustydbctl, one per procedure, from the registry: what exists in the API exists here, under the same roles and limits,
 * because every command is one REST call.
 */
import { Argument, Command, CommanderError, Option } from 'commander';
import { version } from '@/package.json';
import { verifyAudit } from '@/server/procedures/audit/verify-audit';
import { commandNames, shortcutOf } from '@/server/procedures/command-name';
import type { AnyDefinition } from '@/server/procedures/definition';
import { fileFormats } from '@/server/procedures/file-formats';
import { allProcedures } from '@/server/procedures/registry';
import { CommandFailure, type Connection, callPage } from './client';
import { completionScript, type Shell, shells } from './completion';
import { exitCodes } from './exit-codes';
import { inputForm, inputFrom } from './inputs';
import { copyListFile } from './list-file';
import { operationFailure, operationOf, toItsEnd } from './operation';
import { textOf } from './output';
import { readAll } from './pages';
import { pause } from './pause';
import { follow } from './stream';

export type Surroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly width: number;
  readonly signal: AbortSignal;
  /** Somebody looks at a screen: what is printed again replaces what was there. */
  readonly screen?: boolean;
  print(text: string): void;
  /** To the same place as `print`, as it is; resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  complain(text: string): void;
  /** Errors are told by the caller alone, as one object: commander's own words would stand beside it. */
  readonly quietErrors?: boolean;
};

type Globals = {
  readonly url: string;
  readonly key?: string;
  readonly json?: boolean;
  readonly all?: boolean;
  readonly format?: string;
  readonly watch?: number | true;
  readonly wait?: boolean;
  readonly until?: string;
  readonly timeout: number;
  readonly idempotencyKey?: string;
};

/** Code of the error that ends a command line which asks for the version; its message is the version. */
export const versionAsked = 'commander.version';
/** Cursor home, clear to the end, and what scrolled away before. */
const emptyScreen = '\u001b[H\u001b[2J\u001b[3J';
const defaultUrl = 'http://127.0.0.1:8080';

export function buildProgram(surroundings: Surroundings): Command {
  const { environment } = surroundings;
  const program = new Command('rustydbctl')
    .description('Look after a RustyDB cluster from a shell. Exit codes: docs/cli.md')
    .addOption(
      new Option('--url <url>', 'Address of the console')
        .env('RUSTYDB_URL')
        .default(environment.RUSTYDB_URL ?? defaultUrl),
    )
    .addOption(
      new Option('--key <key>', 'API key; better in the environment (RUSTYDB_API_KEY), where no process list shows it'),
    )
    .option('--json', 'Print the answer as JSON')
    .option('-V, --version', 'Print the version of rustydbctl; asks no server')
    .option('--watch [seconds]', 'Print again every so many seconds (2)', positive)
    .option('--wait', 'Follow a started operation to its end')
    .option('--cacert <file>', 'PEM file of certificates to trust besides the known ones, such as a self-signed one')
    .option('--timeout <seconds>', 'Give up on an answer after so many seconds', positive, 60)
    .showHelpAfterError('(--help shows what it takes)')
    .configureOutput({
      writeOut: (text) => surroundings.print(text.trimEnd()),
      writeErr: (text) => surroundings.quietErrors || surroundings.complain(text.trimEnd()),
    })
    .exitOverride();
  // Known while options are read: what else stands in the line is neither run nor checked.
  program.on('option:version', () => {
    throw new CommanderError(exitCodes.ok, versionAsked, version);
  });
  const areas = new Map<string, Command>();
  const names = commandNames(allProcedures);
  for (const definition of allProcedures) {
    const { area, command } = names.get(definition.name)!;
    const parent = areas.get(area) ?? program.command(area).description(`Calls of ${area}`);
    areas.set(area, parent);
    addCommand(parent, command, definition, surroundings);
    const shortcut = shortcutOf(definition);
    if (shortcut !== null) addCommand(program, shortcut, definition, surroundings);
  }
  program
    .command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'The shell').choices(shells))
    .action((shell: Shell) => surroundings.print(completionScript(program, shell)));
  return program;
}

function addCommand(parent: Command, name: string, definition: AnyDefinition, surroundings: Surroundings): void {
  const form = inputForm(definition);
  const command = parent.command(name).description(definition.summary);
  for (const argument of form.arguments) command.addArgument(argument);
  for (const option of form.options) command.addOption(option);
  // Global options are understood behind the command as well, where people type them.
  command.option('--json', 'Print the answer as JSON');
  if (form.options.some((option) => option.long === '--cursor'))
    command
      .option('--all', 'Every page of the list, not only the first')
      .addOption(
        new Option('--format <form>', 'The whole list as a file: one JSON object a line, or CSV').choices(fileFormats),
      );
  if (definition.kind === 'query')
    command.option('--watch [seconds]', 'Print again every so many seconds (2)', positive);
  if (definition.kind === 'mutation')
    command
      .option('--wait', 'Follow a started operation to its end')
      .option('--idempotency-key <key>', 'Sent again with the same key, within a day, the change is made once');
  if (definition.kind === 'subscription') {
    command.option('--until <event-type,...>', 'End after an event of one of these types');
  }
  command.addHelpText(
    'after',
    `\nNeeds role ${definition.role}. REST: ${definition.rest!.method} /api/v1${definition.rest!.path}`,
  );
  command.action(async (...given: unknown[]) => {
    const globals = command.optsWithGlobals<Globals>();
    const input = inputFrom(form, given.slice(0, form.keys.length), command.opts());
    await run(definition, input, globals, surroundings);
  });
}

async function run(
  definition: AnyDefinition,
  input: Record<string, unknown>,
  globals: Globals,
  surroundings: Surroundings,
): Promise<void> {
  const connection: Connection = {
    url: globals.url,
    key: globals.key ?? surroundings.environment.RUSTYDB_API_KEY ?? null,
    timeoutMs: globals.timeout * 1000,
    idempotencyKey: globals.idempotencyKey,
  };
  const show = (answer: unknown) => {
    surroundings.print(globals.json ? JSON.stringify(answer ?? null, null, 2) : textOf(answer, surroundings.width));
  };
  const notice = (text: string) => surroundings.complain(`rustydbctl: ${text}.`);
  if (definition.kind === 'subscription') {
    const last = new AbortController();
    const until = globals.until?.split(',') ?? [];
    const signal = AbortSignal.any([surroundings.signal, last.signal]);
    return follow(connection, definition, input, signal, (item) => {
      if (signal.aborted) return;
      surroundings.print(globals.json ? JSON.stringify(item) : eventLine(item));
      if (until.includes(String((item as Record<string, unknown>).event_type))) last.abort();
    });
  }
  if (globals.format !== undefined) {
    if (globals.watch !== undefined)
      throw new CommandFailure('--format and --watch do not go together', exitCodes.usage);
    const file = { ...input, format: globals.format };
    return copyListFile(connection, definition, file, surroundings.signal, (bytes) => surroundings.write(bytes));
  }
  const ask = async () => {
    const page = (cursor: string | null) =>
      callPage(connection, definition, cursor === null ? input : { ...input, cursor }, notice);
    if (globals.all) return { answer: await readAll(connection, definition, page), accepted: false };
    const first = await page(null);
    if (first.next !== null) notice(`There is more: --all, or --cursor ${first.next}`);
    return first;
  };
  if (definition.kind === 'query' && globals.watch !== undefined) {
    const everyMs = (globals.watch === true ? 2 : globals.watch) * 1000;
    while (!surroundings.signal.aborted) {
      const { answer } = await ask();
      if (surroundings.screen && !globals.json) surroundings.print(emptyScreen);
      show(answer);
      await pause(everyMs, surroundings.signal);
    }
    return;
  }
  const answered = await ask();
  const { answer } = answered;
  // A log that was tampered with is an answer, and for a script the alarm that it runs this for.
  if (definition === verifyAudit && (answer as { readonly ok: boolean }).ok !== true) {
    show(answer);
    throw new CommandFailure((answer as { readonly message: string }).message, exitCodes.unexpected);
  }
  const operation = operationOf(connection, definition, input, answered);
  if (!globals.wait || operation === null || operation.state === 'planned') {
    show(answer);
    // A plan that would be refused is an answer, and for a script a refusal.
    if (operation?.state === 'planned' && operation.error) throw operationFailure(operation, exitCodes.refused);
    return;
  }
  const ended = await toItsEnd(connection, operation, surroundings.signal);
  show(ended);
  if (ended.state !== 'succeeded') throw operationFailure(ended, exitCodes.operationFailed);
}

function eventLine(item: unknown): string {
  const { timestamp, severity, event_type, source, payload } = item as Record<string, unknown>;
  if (typeof event_type !== 'string') return JSON.stringify(item);
  const at = new Date(Number(timestamp) * 1000).toISOString().slice(0, 19);
  return `${at}  ${String(severity).padEnd(8)}  ${event_type.padEnd(24)}  ${source}  ${JSON.stringify(payload)}`;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new CommandFailure(`${text} is no number of seconds`, exitCodes.usage);
  return value;
}
