import { describe, expect, it } from 'vitest';
import { parseRouterConfig } from './config';

const good = {
  clusterId: 'c',
  secretFile: '/s',
  host: '127.0.0.1',
  seeds: [{ nodeId: 'node-1', host: '127.0.0.1', port: 7000 }],
  services: [{ service: 'alpha-rw', group: 'alpha', kind: 'rw', host: '127.0.0.1', port: 6432 }],
  region: null,
  statusIntervalMs: 1_000,
};

describe('router configuration', () => {
  it('comes back as it was written, with what may be left out', () => {
    expect(parseRouterConfig(good)).toEqual({ ...good, tls: null, interconnectTls: null });
    const { statusIntervalMs: _interval, region: _region, ...short } = good;
    expect(parseRouterConfig(short)).toEqual({ ...good, tls: null, interconnectTls: null });
    const tls = { certFile: 'c', keyFile: 'k' };
    expect(parseRouterConfig({ ...good, tls }).tls).toEqual(tls);
  });
  it.each<[unknown, RegExp]>([
    [null, /the file must be an object/],
    [{ ...good, clusterId: '' }, /clusterId must be a non-empty string/],
    [{ ...good, seeds: [] }, /seeds must be a non-empty list/],
    [{ ...good, seeds: [{ ...good.seeds[0], port: 0 }] }, /seeds\[0\]\.port must be a port number from 1/],
    [{ ...good, services: [{ ...good.services[0], kind: 'wo' }] }, /services\[0\]\.kind must be "rw" or "ro"/],
    [{ ...good, services: [{ ...good.services[0], port: 70_000 }] }, /services\[0\]\.port/],
    [{ ...good, services: ['x'] }, /services\[0\] must be an object/],
    [{ ...good, region: 5 }, /region must be a string or null/],
    [{ ...good, statusIntervalMs: 1 }, /statusIntervalMs must be from 100 to 60000/],
    [{ ...good, interconnectTls: { cert: 'c', key: 'k' } }, /interconnectTls\.ca must be/],
    [{ ...good, tls: { certFile: 'c' } }, /tls\.keyFile must be a non-empty string/],
  ])('names the field that is wrong: %#', (value, message) => {
    expect(() => parseRouterConfig(value)).toThrow(message);
  });
});
