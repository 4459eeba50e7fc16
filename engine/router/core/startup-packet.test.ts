import { describe, expect, it } from 'vitest';
import { fc } from '../../testing/property-tests';
import { maxStartupBytes, readOpening } from './startup-packet';

function packet(code: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, code);
  bytes.set(body, 8);
  return bytes;
}
function startup(parameters: Record<string, string>, code = 0x30000): Uint8Array {
  const text = Object.entries(parameters)
    .map(([key, value]) => `${key}\0${value}\0`)
    .join('');
  return packet(code, new TextEncoder().encode(`${text}\0`));
}

describe('readOpening', () => {
  it('reads a StartupMessage and what stands in it', () => {
    const bytes = startup({ user: 'app', database: 'shop', application_name: 'till', options: '-c x=1' });
    expect(readOpening(bytes)).toEqual({
      kind: 'startup',
      major: 3,
      minor: 0,
      bytes: bytes.length,
      parameters: { user: 'app', database: 'shop', applicationName: 'till' },
    });
  });
  it('takes the user for the database, as PostgreSQL does', () => {
    expect(readOpening(startup({ user: 'app' }))).toMatchObject({
      parameters: { database: 'app', applicationName: null },
    });
  });
  it('reads protocol 3.2', () => {
    expect(readOpening(startup({ user: 'app' }, 0x30002))).toMatchObject({ kind: 'startup', major: 3, minor: 2 });
  });
  it('makes names safe to show', () => {
    const opening = readOpening(startup({ user: `a\u001b[31m${'x'.repeat(100)}` }));
    expect(opening).toMatchObject({ kind: 'startup' });
    if (opening.kind === 'startup') expect(opening.parameters.user).toMatch(/^a\?\[31mx{57}$/);
  });
  it.each([
    ['SSLRequest', packet(80877103, new Uint8Array(0)), 'ssl-request'],
    ['GSSENCRequest', packet(80877104, new Uint8Array(0)), 'gss-request'],
    ['TLS hello', Uint8Array.from([0x16, 3, 1]), 'direct-tls'],
    ['nothing', new Uint8Array(0), 'incomplete'],
    ['half a length', Uint8Array.from([0, 0]), 'incomplete'],
  ])('%s', (_name, bytes, kind) => {
    expect(readOpening(bytes).kind).toBe(kind);
  });
  it.each([4, 32, 256])('reads a cancel key of %i bytes', (length) => {
    const secret = new Uint8Array(length).fill(7);
    const body = new Uint8Array(4 + length);
    new DataView(body.buffer).setUint32(0, 4711);
    body.set(secret, 4);
    expect(readOpening(packet(80877102, body))).toEqual({
      kind: 'cancel',
      processId: 4711,
      secret,
      bytes: 12 + length,
    });
  });
  it.each([
    ['HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), '08P01'],
    ['one byte of garbage', Uint8Array.from([0xff]), '08P01'],
    ['two bytes of garbage', Uint8Array.from([0, 9]), '08P01'],
    ['a length of 0', Uint8Array.from([0, 0, 0, 0]), '08P01'],
    ['a length beyond the limit', Uint8Array.from([0, 0, 0x27, 0x11]), '08P01'],
    ['protocol 2', startup({ user: 'a' }, 0x20000), '0A000'],
    ['protocol 4', startup({ user: 'a' }, 0x40000), '0A000'],
    ['no user', startup({ database: 'a' }), '28000'],
    ['an empty user', startup({ user: '' }), '28000'],
    ['no terminator', packet(0x30000, new TextEncoder().encode('user\0app\0')), '08P01'],
    ['bytes after the terminator', packet(0x30000, new TextEncoder().encode('user\0app\0\0x')), '08P01'],
    ['a key without a value', packet(0x30000, new TextEncoder().encode('user\0')), '08P01'],
    ['a cancel key of 3 bytes', packet(80877102, new Uint8Array(7)), '08P01'],
    ['a cancel key of 257 bytes', packet(80877102, new Uint8Array(261)), '08P01'],
    ['an SSLRequest with a body', packet(80877103, new Uint8Array(1)), '08P01'],
  ])('refuses %s', (_name, bytes, code) => {
    expect(readOpening(bytes)).toMatchObject({ kind: 'invalid', code });
  });
  it('takes the largest packet that PostgreSQL takes', () => {
    const overhead = startup({ user: 'a', x: '' }).length;
    expect(readOpening(startup({ user: 'a', x: 'y'.repeat(maxStartupBytes - overhead) })).kind).toBe('startup');
    expect(readOpening(startup({ user: 'a', x: 'y'.repeat(maxStartupBytes - overhead + 1) })).kind).toBe('invalid');
  });
  it('never throws, never waits for more than the limit, and is the same however the bytes arrive', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const whole = readOpening(bytes);
        for (let length = 0; length < bytes.length; length++) {
          const part = readOpening(bytes.subarray(0, length));
          if (part.kind === 'incomplete') continue;
          // A verdict reached early stands.
          expect(part.kind).toBe(whole.kind);
        }
      }),
    );
    expect(readOpening(new Uint8Array(maxStartupBytes + 1)).kind).toBe('invalid');
  });
});
