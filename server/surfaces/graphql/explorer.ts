/** /graphql/explorer: GraphiQL served by us alone, for those who signed in. Everybody else is sent to the sign-in page. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import { requireRole } from '@/server/auth/authorise';
import { toClusterError } from '@/server/errors/wire';
import { callFor, type Services } from '../calls';
import { sendError, sendText } from '../rest/send';
import { contentSecurityPolicy } from '../security-headers';

export const explorerPath = '/graphql/explorer';

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GraphQL explorer · RustyDB Console</title>
<link rel="stylesheet" href="${explorerPath}/explorer.css">
<style>html, body, #explorer { height: 100%; margin: 0; }</style>
</head>
<body>
<div id="explorer"></div>
<script type="module" src="${explorerPath}/explorer.js"></script>
</body>
</html>
`;

/** Only these leave the directory. */
const assets: Readonly<Record<string, string>> = {
  'explorer.css': 'text/css; charset=utf-8',
  'explorer.js': 'text/javascript; charset=utf-8',
};

/** Beside the bundled server in the product; in the tree where the build puts it. */
export function builtExplorer(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const beside = path.join(here, 'explorer');
  return existsSync(path.join(beside, 'explorer.js')) ? beside : path.resolve(here, '../../../dist/explorer');
}

export function isBrowserPage(request: IncomingMessage): boolean {
  return (
    request.method === 'GET' &&
    !(request.url ?? '').includes('?') &&
    (request.headers.accept ?? '').includes('text/html')
  );
}

export async function handleExplorer(
  services: Services,
  directory: string,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  response.setHeader(
    'Content-Security-Policy',
    contentSecurityPolicy({ nonce: null, hashes: [], dev: false, host: request.headers.host ?? null }),
  );
  const name = new URL(request.url ?? '/', 'http://console').pathname.slice(explorerPath.length).replace(/^\//, '');
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const error = new ClusterError('METHOD_NOT_ALLOWED', 'The explorer takes GET');
      return sendError(request, response, error, requestId, { Allow: 'GET, HEAD' });
    }
    const call = await callFor(services, request, { surface: 'graphql', requestId, response });
    requireRole(call.identity, 'viewer', explorerPath);
    if (name === '') return sendText(request, response, 200, page, { 'Content-Type': 'text/html; charset=utf-8' });
    const type = assets[name];
    if (type === undefined) throw new ClusterError('NOT_FOUND', 'No such part of the explorer');
    const body = await readFile(path.join(directory, name)).catch(() => {
      throw new ClusterError('NOT_FOUND', 'The explorer is not built; run npm run build');
    });
    sendText(request, response, 200, body, { 'Content-Type': type, 'Cache-Control': 'private, max-age=3600' });
  } catch (thrown) {
    if (name === '' && isClusterError(thrown) && thrown.code === 'UNAUTHORIZED') {
      response.writeHead(303, { Location: `/sign-in?next=${encodeURIComponent(explorerPath)}` }).end();
      return;
    }
    sendError(request, response, toClusterError(thrown), requestId);
  }
}
