import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connected, eventually, Mesh } from './testing/mesh';

/** Made for these tests only: `node` is signed by `ca`, `stranger` by `other-ca`. */
const file = (name: string) => fileURLToPath(new URL(`./testing/tls/${name}`, import.meta.url));
const trusted = { cert: file('node.pem'), key: file('node.key'), ca: file('ca.pem') };
const stranger = { cert: file('stranger.pem'), key: file('stranger.key'), ca: file('ca.pem') };

let mesh: Mesh;
let log: string[];
const logger = pino({ level: 'info' }, { write: (line: string) => void log.push(line) });
const said = (text: RegExp) => log.some((line) => text.test(line));
beforeEach(() => {
  log = [];
  mesh = new Mesh({ handshakeMs: 500 });
});
afterEach(() => mesh.stop());

describe('TLS', () => {
  it('connects peers whose certificates the same authority signed', async () => {
    const b = await mesh.node('b', { tls: trusted });
    b.onRequest('echo', (payload) => payload);
    const a = await mesh.node('a', { tls: trusted });
    a.setPeer('b', mesh.addresses.get('b')!);
    await eventually('it is connected', () => connected(a, 'b'));
    const large = 'x'.repeat(500_000);
    expect(await a.request('b', 'echo', large, { timeoutMs: 3000 })).toBe(large);
  });

  it('still asks for the cluster secret', async () => {
    await mesh.node('b', { tls: trusted });
    const a = await mesh.node('a', { tls: trusted, secret: 'another-secret-0123456789', logger });
    a.setPeer('b', mesh.addresses.get('b')!);
    await eventually('it says why', () => said(/does not know this cluster's secret/));
    expect(connected(a, 'b')).toBe(false);
  });

  it('refuses a dialler whose certificate another authority signed', async () => {
    await mesh.node('b', { tls: trusted, logger });
    const a = await mesh.node('a', { tls: stranger });
    a.setPeer('b', mesh.addresses.get('b')!);
    await eventually('it is refused', () => said(/from 127.0.0.1 refused: its certificate is not trusted/));
    expect(connected(a, 'b')).toBe(false);
  });

  it('refuses a listener whose certificate another authority signed', async () => {
    await mesh.node('b', { tls: stranger });
    const a = await mesh.node('a', { tls: trusted, logger });
    a.setPeer('b', mesh.addresses.get('b')!);
    await eventually('it says why', () => said(/cannot reach b/));
    expect(connected(a, 'b')).toBe(false);
  });

  it('does not talk to a peer without TLS', async () => {
    await mesh.node('b', { tls: trusted, logger });
    const a = await mesh.node('a');
    a.setPeer('b', mesh.addresses.get('b')!);
    await eventually('it is refused', () => said(/refused/));
    expect(connected(a, 'b')).toBe(false);
  });

  it('cuts a connection that never begins its TLS handshake', async () => {
    await mesh.node('b', { tls: trusted, logger });
    const socket = connect(mesh.addresses.get('b')!);
    let closed = false;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed = true;
    });
    await eventually('it is cut', () => closed, 3000);
  });
});
