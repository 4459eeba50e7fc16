/** Headers that every answer carries, and the content security policy of pages. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import path from 'node:path';

export function securityHeaders(tls: boolean): Readonly<Record<string, string>> {
  return {
    ...(tls ? { 'Strict-Transport-Security': 'max-age=31536000' } : {}),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  };
}

export function setPageHeaders(response: ServerResponse, policy: string): void {
  response.setHeader('Content-Security-Policy', policy);
  // Next would let every proxy keep a page for a year: after an upgrade that page asks for files that are gone.
  response.setHeader('Cache-Control', 'private, no-cache');
}

export function newNonce(): string {
  return randomBytes(16).toString('base64');
}

/**
 * Scripts: our files, those with this answer's nonce, and the inline scripts that stand in the page as it was built. Styles may be inline:
 * charts and the topology set them on elements.
 */
export function contentSecurityPolicy(options: {
  readonly nonce: string | null;
  readonly hashes: readonly string[];
  readonly dev: boolean;
  /** As the browser named us. */
  readonly host: string | null;
}): string {
  const { nonce, hashes, dev } = options;
  const host = /^[\w.:[\]-]{1,260}$/.test(options.host ?? '') ? options.host : null;
  const scripts = [
    "'self'",
    ...(nonce === null ? [] : [`'nonce-${nonce}'`]),
    ...hashes.map((hash) => `'sha256-${hash}'`),
    ...(dev ? ["'unsafe-eval'"] : []),
  ];
  return [
    "default-src 'self'",
    `script-src ${scripts.join(' ')}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    // Not every browser takes our own WebSockets for 'self'.
    `connect-src 'self'${host === null ? '' : ` ws://${host} wss://${host}`}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Hashes of the inline scripts in prerendered pages, which can carry no nonce: read once from the build, never from an answer. */
export class PrerenderedScripts {
  readonly #byPath = new Map<string, readonly string[]>();
  readonly #fallback: readonly string[];
  /** Scripts of the layout (the theme's): they also stand in pages that are rendered on demand. */
  readonly #shared: readonly string[];

  constructor(appDirectory: string) {
    const root = path.join(appDirectory, '.next', 'server', 'app');
    for (const file of existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : []) {
      if (!file.endsWith('.html')) continue;
      const route = `/${file.slice(0, -'.html'.length).replaceAll(path.sep, '/')}`;
      this.#byPath.set(
        route === '/index' ? '/' : route,
        inlineScriptHashes(readFileSync(path.join(root, file), 'utf8')),
      );
    }
    this.#fallback = this.#byPath.get('/_not-found') ?? [];
    const pages = [...this.#byPath.values()];
    const all = new Set(pages.flat());
    this.#shared = [...all].filter((hash) => pages.filter((page) => page.includes(hash)).length > 1).slice(0, 20);
  }

  hashesFor(pathname: string): readonly string[] {
    const own = this.#byPath.get(pathname === '/' ? '/' : pathname.replace(/\/$/, ''));
    return [...new Set([...(own ?? this.#fallback), ...this.#shared])];
  }
}

const inlineScript = /<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/gi;

export function inlineScriptHashes(html: string): readonly string[] {
  const hashes = new Set<string>();
  for (const [, body] of html.matchAll(inlineScript)) {
    if (body) hashes.add(createHash('sha256').update(body).digest('base64'));
  }
  return [...hashes];
}
