/**
 * Next behind our server. It gets a stand-in for the HTTP server, because it would end sockets that are ours; only its own development
 * sockets reach it.
 */
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import next from 'next';
import { createLogger } from '@/engine/kernel/log';
import type { Pages } from './http-server';
import { contentSecurityPolicy, newNonce, PrerenderedScripts, setPageHeaders } from './security-headers';

export async function mountPages(options: {
  readonly dev: boolean;
  readonly host: string;
  readonly port: number;
  readonly directory: string;
}): Promise<Pages> {
  const missing = options.dev ? null : pagesMissing(options.directory);
  if (missing !== null) return withoutPages(missing);
  const upgrades = new EventEmitter();
  const app = next({
    dev: options.dev,
    dir: options.directory,
    hostname: options.host,
    port: options.port,
    httpServer: upgrades as unknown as Server,
  });
  await app.prepare();
  const handle = app.getRequestHandler();
  const scripts = new PrerenderedScripts(options.directory);
  return {
    async handle(request: IncomingMessage, response: ServerResponse) {
      const path = (request.url ?? '/').split('?', 1)[0]!;
      if (!path.startsWith('/_next/')) {
        const nonce = newNonce();
        const host = request.headers.host ?? null;
        const policy = contentSecurityPolicy({ nonce, hashes: scripts.hashesFor(path), dev: options.dev, host });
        // Next takes the nonce for its own scripts from the request; a page takes it from x-nonce.
        request.headers['content-security-policy'] = policy;
        request.headers['x-nonce'] = nonce;
        setPageHeaders(response, policy);
      }
      await handle(request, response);
    },
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
      return (request.url ?? '').startsWith('/_next/') && upgrades.emit('upgrade', request, socket, head);
    },
  };
}

/** Null: the pages were built. A build that broke off has no id. */
function pagesMissing(directory: string): string | null {
  const built = join(directory, '.next');
  if (existsSync(join(built, 'BUILD_ID'))) return null;
  return `The pages of the console are not built: ${built} ${existsSync(built) ? 'is incomplete' : 'is not there'}. Run "npm run build" in ${directory} and restart; the API is served meanwhile.`;
}

/** Pages are one of several surfaces: without them the others still serve, and who asks for a page is told what to do. */
function withoutPages(sentence: string): Pages {
  createLogger('pages').error(sentence);
  return {
    handle(_request: IncomingMessage, response: ServerResponse) {
      response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(`${sentence}\n`);
    },
    upgrade: () => false,
  };
}
