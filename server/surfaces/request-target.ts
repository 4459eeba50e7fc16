/**
 * What a request line asks for (RFC 9112, 3.2). A client that takes us for its proxy sends the whole address: it is answered as the path alone
 * would be, and its host counts instead of the header's. Invariant: behind this every target begins with a slash, has no dot segments and no
 * fragment, and every host can stand in an address, so that no surface has to expect another. Pure.
 */
import { ClusterError } from '@/engine/kernel/errors';

export type RequestTarget = {
  /** Path, without dot segments, and query; `*` only for the server as a whole. */
  readonly url: string;
  /** Null: the client named none, as an HTTP/1.0 client may. */
  readonly host: string | null;
};

export type RequestLine = {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** Of every Host header. */
  readonly hosts: readonly string[];
};

const absolute = /^https?:\/\/([^/?#]*)([^#]*)/i;
const authority = /^(?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/i;

/** @throws INVALID_INPUT */
export function readTarget({ method, url, httpVersion, hosts }: RequestLine): RequestTarget {
  if (hosts.length > 1) throw invalid('More than one Host header');
  const [header = null] = hosts;
  if (header === null && httpVersion !== '1.0') throw invalid('The Host header is missing');
  const [, named, rest = ''] = absolute.exec(url) ?? [];
  const host = named ?? (header === '' ? null : header);
  if (host !== null && !isHost(host)) {
    throw invalid(named === undefined ? 'Host: names no host' : 'The address names no host');
  }
  if (named !== undefined) return { url: normal(rest.startsWith('/') ? rest : `/${rest}`), host };
  if (url.startsWith('/')) return { url: normal(url), host };
  if (url === '*' && method === 'OPTIONS') return { url, host };
  throw invalid('The address is neither a path nor one of http or https');
}

/** The hosts that clients name are few, and each of them names the same in every request. */
const known = new Set<string>();
const mostKnown = 100;

function isHost(host: string): boolean {
  if (known.has(host)) return true;
  if (!(authority.test(host) && URL.canParse(`http://${host}`))) return false;
  if (known.size >= mostKnown) known.clear();
  known.add(host);
  return true;
}

/** Characters that no parser encodes or takes for something else. */
const plain = /^\/[\w\-.~%,:@!$()*+;=&/]*(?:\?[\w\-.~%,:@!$()*+;=&/?]+)?$/;
/** What may be a dot segment. */
const dots = /\/\.|%2e/i;

/** As every later `new URL` would have it: else the surface is chosen by one path and the procedure by another. */
function normal(url: string): string {
  if (plain.test(url) && !dots.test(url)) return url;
  const { pathname, search } = new URL(`http://console${url}`);
  return `${pathname}${search}`;
}

function invalid(message: string): ClusterError {
  return new ClusterError('INVALID_INPUT', message);
}
