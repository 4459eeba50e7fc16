/** /api/docs: the OpenAPI document, browsable, served by us alone. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ClusterError } from '@/engine/kernel/errors';
import { sendError, sendText } from '../rest/send';

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>RustyDB Console API</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`;

const start = `window.ui = SwaggerUIBundle({ url: '/api/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null, persistAuthorization: false });
`;

/** Only these leave the package's directory. */
const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

export const docsPath = '/api/docs';

export async function handleDocs(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const error = new ClusterError('METHOD_NOT_ALLOWED', 'The documentation takes GET');
    return sendError(request, response, error, requestId, { Allow: 'GET, HEAD' });
  }
  const name = new URL(request.url ?? '/', 'http://console').pathname.slice(docsPath.length).replace(/^\/|\/$/g, '');
  if (name === '') return sendText(request, response, 200, page, { 'Content-Type': 'text/html; charset=utf-8' });
  if (name === 'start.js') {
    return sendText(request, response, 200, start, { 'Content-Type': 'text/javascript; charset=utf-8' });
  }
  const type = assets[name];
  if (type === undefined) {
    return sendError(request, response, new ClusterError('NOT_FOUND', 'No such page of the documentation'), requestId);
  }
  const body = await readFile(path.join(assetDirectory(), name));
  sendText(request, response, 200, body, { 'Content-Type': type, 'Cache-Control': 'public, max-age=3600' });
}

function assetDirectory(): string {
  return path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
}
