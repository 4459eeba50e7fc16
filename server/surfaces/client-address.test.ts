/** Behind proxies the right-most address that is none of them counts; whoever is not trusted may write what they like. */
import { afterEach, describe, expect, it } from 'vitest';
import { fc } from '@/engine/testing/property-tests';
import { startConsole } from '../testing/console-fixture';
import { addressBehind, proxiesOf, trustProxies } from './client-address';

const proxies = proxiesOf(['127.0.0.1', '10.0.0.0/8', 'fd00::/8', '2001:db8::5']);

describe('the address of a client', () => {
  it.each([
    // Nobody in between, or somebody who is not trusted: what the header says is theirs.
    ['203.0.113.9', undefined, '203.0.113.9'],
    ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['::ffff:203.0.113.9', undefined, '203.0.113.9'],
    [undefined, '198.51.100.1', 'unknown'],
    // One proxy, two proxies; what the client itself sent stands further left.
    ['127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['127.0.0.1', '198.51.100.1, 10.1.2.3', '198.51.100.1'],
    ['127.0.0.1', '1.1.1.1, 127.0.0.1, 198.51.100.1 ,10.1.2.3', '198.51.100.1'],
    ['::ffff:127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['fd00::1', '2001:DB8:0::7, 2001:db8:0:0::5', '2001:db8::7'],
    ['127.0.0.1', ['198.51.100.1', '198.51.100.2'], '198.51.100.2'],
    // With a port, in brackets, with a zone, mapped.
    ['127.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['127.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['127.0.0.1', 'fe80::1%eth0', 'fe80::1'],
    ['127.0.0.1', '::ffff:c633:6401', '198.51.100.1'],
    // All of them trusted: the furthest. Nothing or garbage: the proxy itself.
    ['127.0.0.1', '10.1.1.1', '10.1.1.1'],
    ['127.0.0.1', undefined, '127.0.0.1'],
    ['127.0.0.1', '', '127.0.0.1'],
    ['127.0.0.1', '198.51.100.1, unknown', '127.0.0.1'],
    ['127.0.0.1', 'unknown, 10.1.1.1', '10.1.1.1'],
    ['127.0.0.1', '999.1.1.1', '127.0.0.1'],
    ['127.0.0.1', '1.2.3.4, ', '127.0.0.1'],
    ['127.0.0.1', `${'9'.repeat(10_000)}`, '127.0.0.1'],
  ])('of %s with %s is %s', (peer, header, expected) => {
    expect(addressBehind(peer, header, proxies)).toBe(expected);
  });

  it('is an address whatever stands in the header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        expect(addressBehind('127.0.0.1', header, proxies)).toMatch(/^[0-9a-f.:]+$/);
      }),
    );
  });
});

it.each(['', 'localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', '10.0.0.0/-1', '10.0.0.0/1e1'])(
  'refuses to trust %s',
  (text) => {
    expect(() => proxiesOf([text])).toThrow(/is no address/);
  },
);

describe('behind a trusted proxy', () => {
  afterEach(() => trustProxies([]));

  it('clients are told apart in audit and throttle; without one the header is nothing', async () => {
    const console = await startConsole();
    try {
      const login = (from: string) =>
        console.json('/api/v1/auth/login', {
          method: 'POST',
          role: null,
          body: { username: 'nobody', password: 'wrong' },
          headers: { 'X-Forwarded-For': from },
        });
      await login('198.51.100.1');
      trustProxies(['127.0.0.0/8']);
      for (let attempt = 0; attempt < 10; attempt++) expect((await login('198.51.100.2')).status).toBe(401);
      expect((await login('198.51.100.2')).status).toBe(429);
      expect((await login('198.51.100.2, 198.51.100.3')).status).toBe(401);
      const { body } = await console.json('/api/v1/audit?procedure=auth.login&limit=100', { role: 'admin' });
      const from = body.map((one: { client_address: string }) => one.client_address);
      expect([from.at(0), from.at(1), from.at(-1)]).toEqual(['198.51.100.3', '198.51.100.2', '127.0.0.1']);
    } finally {
      await console.stop();
    }
  });
});
