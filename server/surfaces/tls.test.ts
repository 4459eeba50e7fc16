/** HTTPS by certificate files, new files while it runs, what is said of bad ones, and how a server that stops treats those who are still there. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get, request as httpRequest } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { adminPassword, startConsole } from '../testing/console-fixture';
import { readTls } from './tls-files';

/** Made for tests only: `node` and `stranger` are two pairs. */
const made = (name: string) => fileURLToPath(new URL(`../../engine/interconnect/testing/tls/${name}`, import.meta.url));

let directory: string;
let files: { certFile: string; keyFile: string };
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'rustydb-tls-'));
  files = { certFile: path.join(directory, 'cert.pem'), keyFile: path.join(directory, 'key.pem') };
  install('node');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function install(name: string): void {
  copyFileSync(made(`${name}.pem`), files.certFile);
  copyFileSync(made(`${name}.key`), files.keyFile);
}

function certificateOf(url: string): Promise<PeerCertificate> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function post(url: string, body: unknown): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method: 'POST', rejectUnauthorized: false, agent: false, headers: { 'Content-Type': 'application/json' } },
      (response) => {
        response.resume();
        response.once('end', () => resolve({ status: response.statusCode!, headers: response.headers }));
      },
    );
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });
}

describe('the files', () => {
  it.each([
    ['a certificate that is not there', () => rmSync(files.certFile), /certificate .*cert\.pem cannot be read/],
    ['a key that is none', () => writeFileSync(files.keyFile, 'x'), /key .*key\.pem is no PEM private key/],
    ['a certificate that is none', () => writeFileSync(files.certFile, 'x'), /cert\.pem is no PEM certificate/],
    [
      'a pair that is none',
      () => copyFileSync(made('stranger.key'), files.keyFile),
      /does not belong to the certificate/,
    ],
  ])('%s is said in one sentence', (_what, spoil, sentence) => {
    spoil();
    expect(() => readTls(files)).toThrow(sentence);
  });
});

it('speaks HTTPS, with cookies for HTTPS only', async () => {
  const console = await startConsole({ tls: files, withAdmin: true });
  try {
    const login = await post(`${console.url}/api/v1/auth/login`, { username: 'admin', password: adminPassword });
    expect(login.status).toBe(200);
    expect(login.headers['strict-transport-security']).toBe('max-age=31536000');
    expect(String(login.headers['set-cookie'])).toContain('; Secure');
  } finally {
    await console.stop();
  }
});

it('takes new files over while it runs, and keeps the old when the new are bad', async () => {
  const console = await startConsole({ tls: files });
  try {
    const before = (await certificateOf(console.url)).fingerprint256;
    install('stranger');
    console.http.reloadTls();
    const after = (await certificateOf(console.url)).fingerprint256;
    expect(after).not.toBe(before);
    copyFileSync(made('node.key'), files.keyFile);
    console.http.reloadTls();
    expect((await certificateOf(console.url)).fingerprint256).toBe(after);
  } finally {
    await console.stop();
  }
});

describe('a server that stops', () => {
  it('finishes what runs, closes kept connections and tells WebSockets', async () => {
    const console = await startConsole();
    const headers = { 'X-API-Key': console.keys.admin };
    const agent = new Agent({ keepAlive: true });
    const kept = await new Promise<number>((resolve) => {
      get(`${console.url}/healthz`, { agent }, (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode!));
      });
    });
    expect(kept).toBe(200);
    const socket = new WebSocket(`${console.url.replace('http', 'ws')}/api/v1/ws/cluster/nodes`, { headers });
    await new Promise((resolve) => socket.once('message', resolve));
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    // A call that is still being answered when the stop begins.
    let release: (() => void) | null = null;
    const begun = new Promise<void>((started) => {
      const leader = console.engine.leader.bind(console.engine);
      console.engine.leader = async (...call: Parameters<typeof leader>) => {
        if (call[0] === 'config.put') {
          started();
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return leader(...call);
      };
    });
    const running = new Promise<number>((resolve, reject) => {
      const call = httpRequest(
        `${console.url}/api/v1/cluster/config`,
        { method: 'PUT', agent, headers: { ...headers, 'Content-Type': 'application/json' } },
        (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode!));
        },
      );
      call.on('error', reject);
      call.end('{"drain_ms": 5000}');
    });
    await begun;
    const stopped = console.http.close();
    expect(await closed).toBe(1001);
    await expect(fetch(`${console.url}/healthz`)).rejects.toThrow();
    release!();
    expect(await running).toBe(200);
    await stopped;
    agent.destroy();
    await console.stop();
  });
});
