/** rustydbctl against a console: every command is there, answers and refusals have the promised form and exit code. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandNames } from '@/server/procedures/command-name';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole } from '@/server/testing/console-fixture';
import { exitCodeOf, exitCodes } from './exit-codes';
import { inputForm } from './inputs';
import { textOf } from './output';
import { buildProgram } from './program';
import { runCommandLine } from './run';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

/** Made for tests only: signed by itself, for 127.0.0.1. */
const tlsDirectory = 'engine/interconnect/testing/tls';

type Role = keyof ConsoleFixture['keys'];

type Options = { role?: Role | null; url?: string; signal?: AbortSignal; width?: number; screen?: boolean };

async function run(line: string, options: Options = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const { role = 'operator' } = options;
  const code = await runCommandLine(line.split(' ').filter(Boolean), {
    environment: {
      RUSTYDB_URL: options.url ?? console.url,
      ...(role === null ? {} : { RUSTYDB_API_KEY: console.keys[role] }),
    },
    width: options.width ?? 200,
    screen: options.screen ?? false,
    signal: options.signal ?? new AbortController().signal,
    print: (text) => void out.push(text),
    write: async (bytes) => void out.push(Buffer.from(bytes).toString()),
    complain: (text) => void err.push(text),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('commands', () => {
  it('exist for every procedure, each under a name of its own', async () => {
    const names = [...commandNames(allProcedures).values()].map(({ area, command }) => `${area} ${command}`);
    expect(names).toHaveLength(allProcedures.length);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining(['cluster topology', 'cluster failover', 'cluster get-failover', 'operations list']),
    );
    for (const name of names) {
      const { code, out } = await run(`${name} --help`);
      expect(code, name).toBe(0);
      expect(out).toContain('/api/v1/');
    }
  });

  it('take the example of every call without a word about it', () => {
    const program = buildProgram({
      environment: {},
      width: 80,
      signal: new AbortController().signal,
      print() {},
      write: async () => {},
      complain() {},
    });
    const options = program.commands.flatMap((area) => area.commands.flatMap((command) => command.options));
    expect(options.filter((option) => option.description === '').map((option) => option.long)).toEqual([]);
  });
});

describe('the version', () => {
  const nowhere = { role: null, url: 'no-address' };
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

  it.each(['--version', '-V', '--version cluster topology', 'cluster topology --version', '--version --no-such'])(
    '%s is told without a server',
    async (line) => {
      expect(await run(line, nowhere)).toEqual({ code: 0, out: version, err: '' });
    },
  );

  it.each(['--version --json', '--json -V'])('%s is JSON', async (line) => {
    const { code, out } = await run(line, nowhere);
    expect([code, JSON.parse(out)]).toEqual([0, { version }]);
  });

  it('hides no option of a call', () => {
    const taken = allProcedures.flatMap((one) => inputForm(one).options.map((option) => option.long));
    expect(taken).not.toContain('--version');
  });
});

describe('answers', () => {
  it('are tables for people', async () => {
    const { code, out } = await run('cluster nodes --group alpha --sort name');
    expect(code).toBe(0);
    const [head, ...rows] = out.split('\n');
    expect(head).toMatch(/^ID +/);
    expect(rows.map((row) => row.split(' ')[0])).toEqual(['node-1', 'node-2', 'node-3']);
    expect((await run('topology')).out).toContain('sentence');
  });

  it('of nodes say on a narrow screen who each is, once, in what role, and how far behind', async () => {
    const { out } = await run('nodes --group alpha', { width: 80 });
    const [head, ...rows] = out.split('\n');
    expect(head!.split(/ +/).slice(0, 5)).toEqual(['ID', 'GROUP', 'ROLE', 'STATUS', 'LAG_MS']);
    expect(rows[0]!.match(/node-1/g)).toHaveLength(1);
    for (const line of [head!, ...rows]) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('have numbers that people read', () => {
    const cells = (value: number) => textOf([{ value }]).split('\n')[1];
    expect([12.345678, 0.0123456, 3, 1e12, -0.5, 99.999].map(cells)).toEqual([
      '12.35',
      '0.012',
      '3',
      '1000000000000',
      '-0.5',
      '100',
    ]);
    expect(textOf([{ id: 'a', name: 'a', node_id: 'a', value: 1 }])).toBe('ID  VALUE\na   1');
    expect(textOf([{ id: 'a', name: 'b' }])).toBe('ID  NAME\na   b');
  });

  it('are JSON for scripts', async () => {
    const { out } = await run('cluster topology --json');
    expect(JSON.parse(out)).toMatchObject({ cluster_name: 'orders', nodes: expect.any(Array) });
    expect(JSON.parse((await run('--json cluster node node-2')).out)).toMatchObject({ id: 'node-2' });
  });

  it('say beside a list that a part of it is missing', async () => {
    console.engine.silentArchives = ['node-2'];
    const { code, out, err } = await run('operations list --json');
    console.engine.silentArchives = [];
    expect([code, Array.isArray(JSON.parse(out))]).toEqual([exitCodes.ok, true]);
    expect(err).toBe('rustydbctl: Older operations in the archive of node-2 are missing: it does not answer.');
  });

  it('are the first page of a list, and say so, or with --all every page', async () => {
    const first = await run('cluster nodes --limit 2 --json');
    expect(JSON.parse(first.out)).toHaveLength(2);
    const [, cursor] = /^rustydbctl: There is more: --all, or --cursor (\S+)\.$/.exec(first.err) ?? [];
    const second = await run(`cluster nodes --limit 3 --json --cursor ${cursor}`);
    expect([JSON.parse(second.out).length, second.err]).toEqual([3, '']);
    const all = await run('cluster nodes --limit 2 --json --all');
    expect([JSON.parse(all.out).length, all.err]).toEqual([5, '']);
    // The log is read from its end; all of it is in reading order.
    const log = await run('cluster node-logs node-1 --limit 2 --json --all');
    expect(JSON.parse(log.out).map((line: { message: string }) => line.message)).toEqual([
      'line 0',
      'line 1',
      'line 2',
      'line 3',
      'ready',
    ]);
    expect((await run('cluster nodes --cursor made-up')).code).toBe(exitCodes.usage);
  });

  it('show a plan and change nothing', async () => {
    const before = console.engine.view.operations.length;
    const { code, out } = await run('failover --group alpha --mode switchover --dry-run');
    expect(code).toBe(0);
    expect(out).toMatch(/state +planned/);
    expect(out).toContain('Check the candidates');
    expect(console.engine.view.operations).toHaveLength(before);
  });

  it('follow an operation to its end, and say how it ended', async () => {
    const finish = (state: 'succeeded' | 'failed') => {
      const unsubscribe = console.engine.onView(() => {
        unsubscribe();
        const { id } = console.engine.view.operations.at(-1)!;
        queueMicrotask(() => console.engine.finish(id, { state }));
      });
    };
    finish('succeeded');
    const good = await run('failover --group alpha --mode switchover --wait --json');
    expect([good.code, JSON.parse(good.out).state]).toEqual([exitCodes.ok, 'succeeded']);
    finish('failed');
    expect((await run('failover --group beta --mode switchover --wait')).code).toBe(exitCodes.operationFailed);
  });

  it('are repeated while watching', async () => {
    const ending = new AbortController();
    const running = run('cluster config --watch 0.05 --json', { signal: ending.signal });
    setTimeout(() => ending.abort(), 400);
    const { code, out } = await running;
    expect(code).toBe(0);
    expect(out.match(/"cluster_name"/g)!.length).toBeGreaterThan(1);
  });

  it('are repeated in place on a screen, and one below the other elsewhere', async () => {
    const watched = async (line: string, screen: boolean) => {
      const ending = new AbortController();
      const running = run(line, { signal: ending.signal, screen });
      setTimeout(() => ending.abort(), 200);
      return (await running).out;
    };
    const clear = '\u001b[H\u001b[2J';
    expect((await watched('cluster config --watch 0.05', true)).split(clear).length).toBeGreaterThan(2);
    expect(await watched('cluster config --watch 0.05', false)).not.toContain(clear);
    expect(await watched('cluster config --watch 0.05 --json', true)).not.toContain(clear);
  });

  it('of a change are asked for under the key that was given', async () => {
    const keys: unknown[] = [];
    const server = createServer((request, response) => {
      keys.push(request.headers['idempotency-key']);
      response.setHeader('Content-Type', 'application/json').end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await run('operations cancel 4711 --idempotency-key once-4711', { url });
    await run('operations cancel 4711', { url });
    server.close();
    expect(keys).toEqual(['once-4711', undefined]);
  });

  it('are events up to the one that was waited for', async () => {
    const before = console.engine.listeners;
    const running = run('events stream --until failover_completed');
    await expect.poll(() => console.engine.listeners).toBeGreaterThan(before);
    console.engine.emit({ eventType: 'failover_initiated' });
    console.engine.emit({ eventType: 'failover_completed' });
    console.engine.emit({ eventType: 'leader_elected' });
    const { code, out } = await running;
    expect([code, out.split('\n').map((line) => line.split(/ +/)[2])]).toEqual([
      0,
      ['failover_initiated', 'failover_completed'],
    ]);
  });

  it('are events, one a line, until told to stop', async () => {
    const ending = new AbortController();
    const before = console.engine.listeners;
    const running = run('events stream --min-severity error --json', { signal: ending.signal });
    await expect.poll(() => console.engine.listeners).toBeGreaterThan(before);
    console.engine.emit({ severity: 'info' });
    const wanted = console.engine.emit({ severity: 'critical' });
    setTimeout(() => ending.abort(), 200);
    const { code, out } = await running;
    expect([code, JSON.parse(out).event_id]).toEqual([0, wanted.eventId]);
  });
});

describe('refusals', () => {
  it('have an exit code for each kind', async () => {
    expect((await run('cluster node node-99')).code).toBe(exitCodes.notFound);
    expect((await run('cluster topology', { role: null })).code).toBe(exitCodes.denied);
    expect((await run('api-keys list')).code).toBe(exitCodes.denied);
    expect((await run('failover --group alpha --expected-epoch 7')).code).toBe(exitCodes.refused);
    expect((await run('cluster topology', { url: 'http://127.0.0.1:9' })).code).toBe(exitCodes.tryAgain);
    expect((await run('cluster topology', { url: 'no-address' })).code).toBe(exitCodes.usage);
    expect((await run('cluster nodes --limit many')).code).toBe(exitCodes.usage);
    expect((await run('cluster nodes --limit 5000')).code).toBe(exitCodes.usage);
    expect((await run('cluster node')).code).toBe(exitCodes.usage);
    expect((await run('cluster nothing')).code).toBe(exitCodes.usage);
    expect(exitCodeOf('FORBIDDEN', 'CLU_NO_QUORUM')).toBe(exitCodes.tryAgain);
  });

  it('say every reason on stderr and nothing on stdout', async () => {
    const { out, err } = await run('cluster start-node node-99');
    expect(out).toBe('');
    expect(err).toContain('No node node-99');
    expect((await run('api-keys list')).err).toMatch(/role: operator \(limit admin\)/);
  });
});

describe('an address', () => {
  it.each(['ftp://127.0.0.1', 'localhost:8080', 'ws://127.0.0.1:1'])('%s is a wrong command line', async (url) => {
    const { code, err } = await run('topology', { url });
    expect([code, err]).toEqual([exitCodes.usage, expect.stringContaining(`${url} is no address of a console`)]);
  });

  it('whose certificate is not trusted says how to trust it', async () => {
    const [certFile, keyFile] = ['loopback.pem', 'loopback.key'].map((name) => join(tlsDirectory, name)) as [
      string,
      string,
    ];
    const secure = await startConsole({ tls: { certFile, keyFile } });
    try {
      const { code, err } = await run('topology', { url: secure.url });
      expect([code, err]).toEqual([exitCodes.tryAgain, expect.stringContaining('--cacert')]);
      const words = ['--import', 'tsx', 'cli/main.ts', 'topology', '--json', '--url', secure.url];
      const trusting = spawn(process.execPath, [...words, '--cacert', certFile], {
        env: { ...process.env, RUSTYDB_API_KEY: secure.keys.viewer },
      });
      const chunks: Buffer[] = [];
      trusting.stdout.on('data', (chunk) => chunks.push(chunk));
      const [status] = await once(trusting, 'close');
      expect([status, JSON.parse(Buffer.concat(chunks).toString()).cluster_name]).toEqual([0, 'orders']);
    } finally {
      await secure.stop();
    }
  });
});

describe('with --json a refusal', () => {
  const refusalOf = async (line: string, options: Parameters<typeof run>[1] = {}) => {
    const { code, out, err } = await run(line, options);
    return { code, out, error: JSON.parse(err.split('\n').at(-1)!).error };
  };

  it("is the server's own object on stderr, and nothing on stdout", async () => {
    const missing = await refusalOf('cluster node node-99 --json');
    expect(missing).toMatchObject({ code: exitCodes.notFound, out: '', error: { code: 'NOT_FOUND', details: {} } });
    expect(missing.error).toHaveProperty('request_id');
    const guarded = await refusalOf('--json failover --group alpha --expected-epoch 7');
    expect(guarded).toMatchObject({ code: exitCodes.refused, out: '', error: { code: 'PRECONDITION_FAILED' } });
    const { error } = await refusalOf('api-keys list --json');
    expect(error.details.reasons[0]).toMatchObject({ rule: 'role', measured: 'operator', limit: 'admin' });
    expect(await refusalOf('events stream --json', { role: null })).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
  });

  it('has the same form when no server was reached, or the line is wrong', async () => {
    expect(await refusalOf('cluster nodes --json', { url: 'http://127.0.0.1:9' })).toMatchObject({
      code: exitCodes.tryAgain,
      out: '',
      error: { code: 'UNAVAILABLE', details: null },
    });
    for (const line of ['cluster nodes --json --limit many', 'cluster nothing --json', 'cluster node --json'])
      expect([line, await refusalOf(line)]).toEqual([
        line,
        {
          code: exitCodes.usage,
          out: '',
          error: { code: 'INVALID_INPUT', message: expect.any(String), details: null },
        },
      ]);
  });

  it('of an operation has its reasons', async () => {
    const unsubscribe = console.engine.onView(() => {
      unsubscribe();
      const { id } = console.engine.view.operations.at(-1)!;
      const error = { code: 'CLU_STANDBY_NOT_READY', message: 'No standby', reasons: [] } as const;
      queueMicrotask(() => console.engine.finish(id, { state: 'failed', error }));
    });
    const { code, out, error } = await refusalOf('failover --group beta --mode switchover --wait --json');
    expect([code, JSON.parse(out).state, error]).toEqual([
      exitCodes.operationFailed,
      'failed',
      { code: expect.any(String), message: 'No standby', details: { operation: JSON.parse(out).id, reasons: [] } },
    ]);
  });
});

describe('a server that is no console', () => {
  const answering = async (type: string, body: string, lines: readonly string[], status = 200) => {
    const server = createServer((_request, response) => response.writeHead(status, { 'Content-Type': type }).end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const answers = await Promise.all(lines.map((line) => run(line, { url })));
    server.close();
    return answers;
  };
  const page = '<!doctype html><title>Sign in</title>';

  it('is told by its pages, whatever was asked', async () => {
    const lines = ['topology', 'cluster nodes --all', 'cluster nodes --format csv', 'events stream', 'failover --wait'];
    for (const { code, out, err } of await answering('text/html', page, lines))
      expect([code, out, err]).toEqual([exitCodes.unexpected, '', expect.stringContaining('is not a RustyDB console')]);
    const [missing] = await answering('text/html', page, ['topology'], 404);
    expect([missing!.code, missing!.err]).toEqual([exitCodes.unexpected, expect.stringContaining('answered 404')]);
  });

  it('starts no operation', async () => {
    const lines = ['failover --wait', 'failover --group alpha', 'cluster restart-node node-1 --dry-run', 'nodes --all'];
    for (const { code, out, err } of await answering('application/json', '{}', lines))
      expect([code, out, err]).toEqual([exitCodes.unexpected, '', expect.stringContaining('its answer is not the')]);
    const [empty] = await answering('application/json', '', ['failover --group alpha --wait']);
    expect(empty!.code).toBe(exitCodes.unexpected);
  });
});

describe('a list as a file', () => {
  it('is passed on as the server makes it', async () => {
    const csv = await run('cluster nodes --format csv');
    expect(csv).toMatchObject({ code: 0, err: '' });
    expect(csv.out).toMatch(/^id,.+\r\nnode-1,/);
    const { out } = await run('cluster nodes --group alpha --format ndjson');
    const ids = out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id);
    expect(ids).toEqual(['node-1', 'node-2', 'node-3']);
  });

  it('is refused like the list, and fails when it is cut off', async () => {
    expect((await run('audit list --format csv', { role: 'viewer' })).code).toBe(exitCodes.denied);
    expect((await run('cluster nodes --format xml')).code).toBe(exitCodes.usage);
    expect((await run('cluster nodes --format csv --watch')).code).toBe(exitCodes.usage);
    const cut = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/csv' });
      response.write('id,name\r\nnode-1,', () => response.destroy());
    }).listen(0, '127.0.0.1');
    await once(cut, 'listening');
    const { port } = cut.address() as AddressInfo;
    const { code, err } = await run('cluster nodes --format csv', { url: `http://127.0.0.1:${port}` });
    cut.close();
    expect([code, err]).toEqual([exitCodes.tryAgain, expect.stringContaining('not all of it')]);
  });
});

describe('audit verify', () => {
  it('ends with 1 when the log was changed, with what is wrong on both', async () => {
    await run('cluster update-config --drain-ms 250');
    expect((await run('audit verify', { role: 'admin' })).code).toBe(exitCodes.ok);
    const file = join(console.dataDirectory, 'audit', 'audit.jsonl');
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.replace('"drain_ms":250', '"drain_ms":251'));
    const { code, out, err } = await run('audit verify --json', { role: 'admin' });
    writeFileSync(file, whole);
    expect(code).toBe(exitCodes.unexpected);
    expect(JSON.parse(out)).toMatchObject({ ok: false });
    expect(err).toContain(JSON.parse(out).message);
  });
});

describe('completion', () => {
  /** What bash would offer for the last word, asked of bash itself; `=` is a word of its own, as in bash. */
  async function offered(typed: string): Promise<string[]> {
    const { out } = await run('completion bash');
    const words = typed.split(/ |(=)/).filter((word) => word !== undefined);
    const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rustydbctl; printf "%s\\n" "${COMPREPLY[@]}"';
    const { stdout } = spawnSync('bash', ['-c', `${out}\n${ask}`, 'bash', ...words], { encoding: 'utf8' });
    return stdout.split('\n').filter(Boolean);
  }

  it.each([
    ['rustydbctl clus', ['cluster']],
    ['rustydbctl cluster topo', ['topology']],
    ['rustydbctl --url http://x cluster topo', ['topology']],
    ['rustydbctl --url=http://x cluster topo', ['topology']],
    ['rustydbctl --key cluster cluster topo', ['topology']],
    ['rustydbctl cluster node node-2 --u', ['--url']],
    ['rustydbctl failover --mode ', ['switchover', 'failover']],
    ['rustydbctl cluster failover --mode sw', ['switchover']],
    ['rustydbctl cluster failover --mode=', ['switchover', 'failover']],
    ['rustydbctl cluster failover --mode=fa', ['failover']],
    ['rustydbctl cluster failover --group ', []],
    ['rustydbctl cluster nodes --format ', ['ndjson', 'csv']],
    ['rustydbctl operations list --kind failover,stop-', ['failover,stop-node']],
    ['rustydbctl completion ', ['bash', 'zsh']],
  ])('%s', async (typed, expected) => {
    expect((await offered(typed)).filter((word) => !typed.endsWith('n ') || !word.startsWith('--'))).toEqual(expected);
  });

  it('offers the options of every command behind each, and only those that it takes', async () => {
    const query = await offered('rustydbctl cluster topology --');
    expect(query).toEqual(expect.arrayContaining(['--url', '--key', '--timeout', '--json', '--watch', '--help']));
    expect(query).not.toContain('--wait');
    const change = await offered('rustydbctl failover --');
    expect(change).toEqual(expect.arrayContaining(['--mode', '--dry-run', '--url', '--timeout', '--wait']));
    expect(change).not.toContain('--watch');
  });

  it('for zsh is the same behind its loader', async () => {
    const [bash, zsh] = await Promise.all([run('completion bash'), run('completion zsh')]);
    expect(zsh.out).toBe(`autoload -Uz bashcompinit && bashcompinit\n${bash.out}`);
    // These belong to zsh: a local of the name would take the search path, or what is being completed, away.
    expect(bash.out).not.toMatch(/\b(path|words|status)=/);
    // And it takes a bare name for a modifier where bash calculates.
    expect(bash.out).not.toMatch(/\[@\]:\d+:[A-Z]/);
  });
});

it('lets no control character of an answer reach the terminal', () => {
  expect(textOf([{ name: 'a\u001b[31mred\u0007' }])).toBe('NAME\na [31mred');
});
