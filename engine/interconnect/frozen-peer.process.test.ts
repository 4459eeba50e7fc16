/** What a peer does to us when its process is frozen, thawed or killed: time-outs and a reconnect, never unbounded memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerAddress } from './api';
import type { TcpInterconnect } from './tcp-interconnect';
import { connected, eventually, Mesh } from './testing/mesh';

const script = fileURLToPath(new URL('./testing/echo-node.ts', import.meta.url));
const children: ChildProcess[] = [];

async function startPeer(port = 0): Promise<{ child: ChildProcess; address: PeerAddress }> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const address = await new Promise<PeerAddress>((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) resolve(JSON.parse(text));
    });
    child.once('exit', (code) => reject(new Error(`the peer ended with ${code}: ${text}`)));
  });
  return { child, address };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

let mesh: Mesh;
let a: TcpInterconnect;
let peer: { child: ChildProcess; address: PeerAddress };
const limits = { queueBytes: 2_000_000, queueMessages: 1000, pingMs: 100, silenceMs: 1000, handshakeMs: 500 };

beforeEach(async () => {
  mesh = new Mesh(limits);
  a = await mesh.node('a');
  peer = await startPeer();
  a.setPeer('frozen', peer.address);
  await eventually('the peer is connected', () => connected(a, 'frozen'));
});
afterEach(async () => {
  await mesh.stop();
  for (const child of children.splice(0)) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended(child);
  }
});

describe('a peer process', () => {
  it('frozen: requests time out, the queue stays within its bound, the link is given up; thawed: it is back at once', async () => {
    expect(await a.request('frozen', 'echo', 1, { timeoutMs: 2000 })).toBe(1);
    peer.child.kill('SIGSTOP');
    await expect(a.request('frozen', 'echo', 2, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    const text = 'x'.repeat(10_000);
    let most = 0;
    for (let i = 0; i < 3000; i++) {
      a.send('frozen', 'note', text);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, a.linkStatus()[0]!.queuedBytes);
    }
    expect(a.linkStatus()[0]!.droppedMessages).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(limits.queueBytes);
    await eventually('the silence is noticed', () => !connected(a, 'frozen'));
    await expect(a.request('frozen', 'echo', 3, { timeoutMs: 5000 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    peer.child.kill('SIGCONT');
    await eventually('it is back', () => connected(a, 'frozen'));
    expect(await a.request('frozen', 'echo', 4, { timeoutMs: 2000 })).toBe(4);
  });

  it('killed and restarted on the same port: reachable again within its start-up time plus one backoff', async () => {
    peer.child.kill('SIGKILL');
    await ended(peer.child);
    await eventually('the loss is noticed', () => !connected(a, 'frozen'));
    await startPeer(peer.address.port);
    await eventually('it is connected again', () => connected(a, 'frozen'));
  });
});
