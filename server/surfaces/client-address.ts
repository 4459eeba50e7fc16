/**
 * Where a request comes from, also behind proxies. Invariant: only what a trusted proxy says counts, and of that only the part that its hop wrote:
 * the right-most address that is no trusted proxy. What is no address changes nothing; then it is the proxy that asks.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, SocketAddress } from 'node:net';

const longestAddress = 100;

export type TrustedProxies = { has(address: string): boolean };

/** Nobody: `X-Forwarded-For` is what anybody may write. */
const nobody: TrustedProxies = { has: () => false };

/** Of this process: set before it listens. */
let trusted: TrustedProxies = nobody;

/** @throws Error that names what is no address and no network */
export function trustProxies(listed: readonly string[]): void {
  trusted = listed.length === 0 ? nobody : proxiesOf(listed);
}

export function proxiesOf(listed: readonly string[]): TrustedProxies {
  const known = new BlockList();
  for (const one of listed) {
    const [address = '', bits, more] = one.split('/');
    const family = familyOf(address);
    const most = family === 'ipv4' ? 32 : 128;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (family === null || more !== undefined || !(prefix <= most)) {
      throw new Error(`${JSON.stringify(one)} is no address and no network such as 10.0.0.0/8`);
    }
    known.addSubnet(address, prefix, family);
  }
  return { has: (address) => known.check(address, familyOf(address) ?? 'ipv4') };
}

const addressOfSocket = new WeakMap<object, string>();

export function clientAddressOf({ socket, headers }: IncomingMessage): string {
  if (trusted !== nobody) return addressBehind(socket.remoteAddress, headers['x-forwarded-for'], trusted);
  // Nothing in a request changes it then; a connection that has ended has no address any more.
  const known = addressOfSocket.get(socket) ?? addressBehind(socket.remoteAddress, undefined, nobody);
  if (known !== 'unknown') addressOfSocket.set(socket, known);
  return known;
}

export function addressBehind(
  peer: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  proxies: TrustedProxies,
): string {
  let address = canonical(peer ?? '');
  if (address === null) return 'unknown';
  const hops = [forwardedFor ?? []].flat().join(',').split(',');
  while (proxies.has(address)) {
    const before = canonical(hops.pop() ?? '');
    if (before === null) break;
    address = before;
  }
  return address;
}

/** One text per address, whatever way it is written; some proxies add the port. Null: no address. */
function canonical(text: string): string | null {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+)(?::\d+)?)$/.exec(text.trim()) ?? [];
  const address = (bracketed ?? plain ?? text.trim()).replace(/%.*$/s, '');
  const family = address.length > longestAddress ? null : familyOf(address);
  if (family === null) return null;
  return new SocketAddress({ address, family }).address.replace(/^::ffff:(?=\d+\.)/, '');
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  return ({ 4: 'ipv4', 6: 'ipv6' } as const)[isIP(address)] ?? null;
}
