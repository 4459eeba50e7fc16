/** What the environment says about the console's own door: refused with a sentence when it says half of it. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureSecrets } from './secrets';
import { routerProcesses, settingsFromEnvironment } from './start-settings';

describe('TLS of the console', () => {
  it('is off by default, and on with both files, by their whole paths', () => {
    expect(settingsFromEnvironment({}).consoleTls).toBeNull();
    const { consoleTls } = settingsFromEnvironment({ RUSTYDB_TLS_CERT: 'cert.pem', RUSTYDB_TLS_KEY: '/k/key.pem' });
    expect(consoleTls).toEqual({ certFile: join(process.cwd(), 'cert.pem'), keyFile: '/k/key.pem' });
  });

  it('is refused with one of the two', () => {
    expect(() => settingsFromEnvironment({ RUSTYDB_TLS_CERT: 'cert.pem' })).toThrow(/belong together/);
  });
});

describe('password of role app', () => {
  it.each(['pässwort-1234', 'pass\u00a0word', 'ﬁne-password', 'tab\tpassword', 'пароль-1234'])(
    'refuses %j',
    (password) => {
      expect(() => settingsFromEnvironment({ RUSTYDB_DB_PASSWORD: password })).toThrow(/outside ASCII/);
    },
  );

  it('takes every sign of ASCII', () => {
    const password = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');
    expect(settingsFromEnvironment({ RUSTYDB_DB_PASSWORD: password }).secrets.appPassword).toBe(password);
  });
});

describe('trusted proxies', () => {
  it('are nobody unless said', () => {
    expect(settingsFromEnvironment({}).trustedProxies).toEqual([]);
    const listed = settingsFromEnvironment({ RUSTYDB_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8,fd00::/8,' });
    expect(listed.trustedProxies).toEqual(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);
  });

  it.each(['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129'])('refuses %s', (text) => {
    expect(() => settingsFromEnvironment({ RUSTYDB_TRUSTED_PROXIES: text })).toThrow(/addresses and networks/);
  });
});

describe('rate limits', () => {
  it('are the console’s own unless said, and any class can be given another', () => {
    expect(settingsFromEnvironment({}).rateLimits).toBeNull();
    expect(settingsFromEnvironment({ RUSTYDB_RATE_LIMITS: 'read=20000, write=6000/60' }).rateLimits).toEqual({
      read: { points: 20_000, seconds: 1 },
      write: { points: 6000, seconds: 60 },
    });
  });

  it.each(['read', 'read=0', 'reads=5', 'read=5,', 'read=5/0', 'read=-1'])(
    'refuses %s and names the classes',
    (text) => {
      expect(() => settingsFromEnvironment({ RUSTYDB_RATE_LIMITS: text })).toThrow(
        /read, node, write, login, anonymous/,
      );
    },
  );
});

it('makes the break-glass token once, for its owner alone, also in a directory of an older version', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-secrets-'));
  try {
    const first = ensureSecrets(directory, {});
    rmSync(first.breakGlass);
    const second = ensureSecrets(directory, {}, true);
    const token = readFileSync(second.breakGlass, 'utf8');
    expect(token).toMatch(/^rdbbg_[\w-]{40,}\n$/);
    expect(statSync(second.breakGlass).mode & 0o777).toBe(0o600);
    expect(readFileSync(ensureSecrets(directory, {}, true).breakGlass, 'utf8')).toBe(token);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

describe('secrets of the first start', () => {
  it('are taken from the file that is named, without its last line break', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rustydb-secret-'));
    const file = join(directory, 'key');
    writeFileSync(file, 'key-from-a-file\n');
    expect(settingsFromEnvironment({ RUSTYDB_API_KEY_FILE: file }).secrets.apiKey).toBe('key-from-a-file');
    const both = { RUSTYDB_API_KEY_FILE: file, RUSTYDB_API_KEY: 'another-key' };
    expect(() => settingsFromEnvironment(both)).toThrow(/both set/);
    writeFileSync(file, 'short\n');
    expect(() => settingsFromEnvironment({ RUSTYDB_API_KEY_FILE: file })).toThrow(/too short/);
    rmSync(directory, { recursive: true });
    expect(() => settingsFromEnvironment({ RUSTYDB_API_KEY_FILE: file })).toThrow(/can't be read/);
  });
});

it('the limit of the log is in megabytes', () => {
  expect(settingsFromEnvironment({}).logBytes).toBeNull();
  expect(settingsFromEnvironment({ RUSTYDB_LOG_LIMIT_MB: '64' }).logBytes).toBe(64 * 1024 * 1024);
  for (const text of ['0', '15', '1GB', '-1'])
    expect(() => settingsFromEnvironment({ RUSTYDB_LOG_LIMIT_MB: text })).toThrow(/whole megabytes/);
});

describe('how many router processes', () => {
  it.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [64, 8],
  ])('%i cores: %i', (cores, count) => expect(routerProcesses(undefined, cores)).toBe(count));

  it('as many as are asked for, up to 8', () => {
    expect(routerProcesses('3', 2)).toBe(3);
    for (const text of ['0', '9', '1.5', 'two', '-1'])
      expect(() => routerProcesses(text, 2)).toThrow(/RUSTYDB_ROUTER_PROCESSES is .* from 1 to 8/);
  });
});
