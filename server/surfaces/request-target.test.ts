/** The table of request targets, and the same lines over a socket: an address as for a proxy is answered as its path alone. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fc } from '@/engine/testing/property-tests';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';
import { readTarget } from './request-target';

const read = (url: string, hosts: readonly string[] = ['h'], more: { method?: string; httpVersion?: string } = {}) => {
  const { method = 'GET', httpVersion = '1.1' } = more;
  try {
    const target = readTarget({ method, url, httpVersion, hosts });
    return [target.url, target.host];
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a target', () => {
  it.each([
    ['/a/b?c=d', ['/a/b?c=d', 'h']],
    ['//evil.example/a', ['//evil.example/a', 'h']],
    ['http://console.example/a?b', ['/a?b', 'console.example']],
    ['HTTPS://console.example:8080/a/../b', ['/b', 'console.example:8080']],
    ['/api/v1/../../abcdef/cluster/nodes', ['/abcdef/cluster/nodes', 'h']],
    ['/a/%2E%2e/%2e/b?c=/../d', ['/b?c=/../d', 'h']],
    ['/a#b?c', ['/a', 'h']],
    ['/a?b#c', ['/a?b', 'h']],
    ['/\\evil.example', ['//evil.example', 'h']],
    ['/a/%zz', ['/a/%zz', 'h']],
    ['http://console.example', ['/', 'console.example']],
    ['http://console.example?a=b', ['/?a=b', 'console.example']],
    ['http://[::1]:80/', ['/', '[::1]:80']],
    ['http://console.example//evil.example/a', ['//evil.example/a', 'console.example']],
    ['http:///a', 'The address names no host'],
    ['http://user@console.example/a', 'The address names no host'],
    ['http://[/a', 'The address names no host'],
    ['http://a%zz/a', 'The address names no host'],
    ['http://a:99999/a', 'The address names no host'],
    ['ftp://console.example/a', 'The address is neither a path nor one of http or https'],
    ['a/b', 'The address is neither a path nor one of http or https'],
    ['*', 'The address is neither a path nor one of http or https'],
  ])('%s', (url, wanted) => expect(read(url)).toEqual(wanted));

  it('is what a parser makes of it, whatever stands in it', () => {
    const characters = fc.constantFrom(
      ...'abc/.%2eE?=&#\\;:@!$()*+,~_-\'"<>|{}^`ü '.split(''),
      '/../',
      '/./',
      '%2E',
      '//',
    );
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), (parts) => {
        const url = `/${parts.join('')}`;
        const { pathname, search } = new URL(`http://console${url}`);
        expect(read(url)).toEqual([`${pathname}${search}`, 'h']);
      }),
      { numRuns: 5000 },
    );
  });

  it('is the whole server for OPTIONS', () => expect(read('*', ['h'], { method: 'OPTIONS' })).toEqual(['*', 'h']));

  it('has one host, and one that can be', () => {
    expect(read('/', ['console.example:8080'])).toEqual(['/', 'console.example:8080']);
    expect(read('/', [''])).toEqual(['/', null]);
    expect(read('/', [], { httpVersion: '1.0' })).toEqual(['/', null]);
    expect(read('/', [])).toBe('The Host header is missing');
    expect(read('/', ['a', 'b'])).toBe('More than one Host header');
    for (const host of ['a b', 'a/b', 'a@b', '[', 'a:b', 'http://a', 'a,b:1:2']) {
      expect(read('/', [host])).toBe('Host: names no host');
    }
  });
});

describe('over a socket', () => {
  let console: ConsoleFixture;
  beforeAll(async () => {
    console = await startConsole({
      // What a page is asked for, as it reaches the pages.
      pages: {
        handle: (request, response) => void response.end(`page ${request.url} at ${request.headers.host}`),
        upgrade: () => false,
      },
    });
  });
  afterAll(() => console.stop());

  function send(line: string, headers: readonly string[] = ['Host: header.example']): Promise<string[]> {
    const { port } = new URL(console.url);
    const lines = [line, ...headers, `X-API-Key: ${console.keys.viewer}`, 'Connection: close', '', ''];
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(lines.join('\r\n')));
      let answer = '';
      socket.setEncoding('utf8').on('data', (part: string) => {
        answer += part;
      });
      socket.on('close', () => resolve(answer.split('\r\n\r\n'))).on('error', reject);
    });
  }

  it.each([
    '/api/v1/cluster/nodes?limit=2',
    '/graphql?query={__typename}',
    '/api/trpc/platform.getInfo',
    '/api/v1/none',
  ])('http://console.example%s is what the path is', async (path) => {
    const [[asPath], [whole]] = (await Promise.all(
      [`GET ${path} HTTP/1.1`, `GET http://console.example${path} HTTP/1.1`].map((line) =>
        send(line).then(([head, body]) => [`${head!.split('\r\n')[0]} ${stable(body!)}`]),
      ),
    )) as [[string], [string]];
    expect(whole).toBe(asPath);
  });

  it('below a path of a proxy says what to do instead of an empty page; the API works there', async () => {
    const below = (prefix: string) => ['Host: header.example', `X-Forwarded-Prefix: ${prefix}`];
    const [head, body] = await send('GET /nodes HTTP/1.1', below('/rustydb'));
    expect(head).toMatch(/^HTTP\/1.1 400 /);
    expect(JSON.parse(body!).message).toMatch(/below \/rustydb. Give the console a host name/);
    expect((await send('GET /nodes HTTP/1.1', below('/')))[0]).toMatch(/^HTTP\/1.1 200 /);
    expect((await send('GET /api/v1/cluster/nodes HTTP/1.1', below('/rustydb')))[0]).toMatch(/^HTTP\/1.1 200 /);
  });

  it('reaches the pages as a path, with the host of the address', async () => {
    const [head, body] = await send('GET http://console.example:8080/nodes?a=b HTTP/1.1');
    expect(head).toMatch(/^HTTP\/1.1 200 /);
    expect(body).toContain('page /nodes?a=b at console.example:8080');
  });

  it.each([
    ['GET http://user@evil.example/nodes HTTP/1.1', ['Host: header.example']],
    ['GET / HTTP/1.1', []],
    ['GET / HTTP/1.1', ['Host: a', 'Host: b']],
    ['GET / HTTP/1.1', ['Host: a b']],
  ])('%s with %j is refused and leads nowhere', async (line, headers) => {
    const [head, body] = await send(line, headers);
    expect(head).toMatch(/^HTTP\/1.1 400 /);
    expect(head).not.toMatch(/^location:/im);
    const refusal = JSON.parse(body!);
    expect(refusal.code).toBe('INVALID_INPUT');
    expect(head).toContain(`X-Request-Id: ${refusal.request_id}`);
  });

  it('is answered by what the path is, not by what it begins with', async () => {
    for (const path of ['/api/v1/../../abcdef/cluster/nodes', '/api/docs/../../nodes', '/x/%2e%2e/nodes']) {
      expect((await send(`GET ${path} HTTP/1.1`))[1]).toMatch(/page \/(abcdef\/cluster\/)?nodes at/);
    }
    const [head] = await send('GET /x/../api/v1/cluster/nodes HTTP/1.1');
    expect(head).toMatch(/^HTTP\/1.1 200 /);
    const [refused, body] = await send('GET /nodes/%zz HTTP/1.1');
    expect([refused!.slice(0, 12), JSON.parse(body!).code]).toEqual(['HTTP/1.1 404', 'NOT_FOUND']);
  });

  it('tells a client that takes us for a proxy', async () => {
    const [head, body] = await send('CONNECT console.example:443 HTTP/1.1');
    expect(head).toMatch(/^HTTP\/1.1 405 /);
    expect(JSON.parse(body!).code).toBe('METHOD_NOT_ALLOWED');
  });

  it('answers OPTIONS * and ignores what it cannot expect', async () => {
    expect((await send('OPTIONS * HTTP/1.1'))[0]).toMatch(/^HTTP\/1.1 204 /);
    const [head] = await send('GET /healthz HTTP/1.1', ['Host: h', 'Expect: a-miracle']);
    expect(head).toMatch(/^HTTP\/1.1 200 /);
  });
});

/** Without what differs from call to call. */
function stable(body: string): string {
  return body.replaceAll(/"(timestamp|view_age_ms|\w+_at|last_\w+|request_id|\w*uptime\w*)":("[^"]*"|[\d.]+)/g, '');
}
