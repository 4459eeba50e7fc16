/** The policy of pages: never inline scripts at large, only those of this answer or of the build. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { contentSecurityPolicy, inlineScriptHashes, PrerenderedScripts, setPageHeaders } from './security-headers';

const hashOf = (text: string) => createHash('sha256').update(text).digest('base64');

it('never allows inline scripts as such', () => {
  const policy = contentSecurityPolicy({ nonce: 'abc', hashes: ['h1'], dev: false, host: 'db.example:8080' });
  const scripts = policy.split('; ').find((part) => part.startsWith('script-src'));
  expect(scripts).toBe("script-src 'self' 'nonce-abc' 'sha256-h1'");
});

it('lets pages connect to us alone, and takes no other words from a host', () => {
  const connect = (host: string | null) =>
    contentSecurityPolicy({ nonce: null, hashes: [], dev: false, host })
      .split('; ')
      .find((part) => part.startsWith('connect-src'));
  expect(connect('[::1]:8080')).toBe("connect-src 'self' ws://[::1]:8080 wss://[::1]:8080");
  for (const host of [null, '', 'a; script-src *', 'a b', 'a,b', "a'"])
    expect(connect(host)).toBe("connect-src 'self'");
});

it('hashes inline scripts and leaves files alone', () => {
  const html = '<script src="/a.js"></script><script id="x">one()</script><SCRIPT>two()</SCRIPT><script></script>';
  expect(inlineScriptHashes(html)).toEqual([hashOf('one()'), hashOf('two()')]);
});

it('knows the scripts of built pages by their address, and those that all pages share', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'rustydb-pages-'));
  const pages = path.join(directory, '.next', 'server', 'app', 'nodes');
  try {
    mkdirSync(pages, { recursive: true });
    writeFileSync(path.join(pages, '..', 'index.html'), '<script>theme()</script><script>home()</script>');
    writeFileSync(path.join(pages, '..', 'nodes.html'), '<script>theme()</script><script>nodes()</script>');
    const scripts = new PrerenderedScripts(directory);
    expect(scripts.hashesFor('/')).toEqual([hashOf('theme()'), hashOf('home()')]);
    expect(scripts.hashesFor('/nodes/')).toEqual([hashOf('theme()'), hashOf('nodes()')]);
    expect(scripts.hashesFor('/nodes/node-1')).toEqual([hashOf('theme()')]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

it('lets no proxy keep a page', () => {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  setPageHeaders(response, "default-src 'self'");
  expect(response.getHeader('Content-Security-Policy')).toBe("default-src 'self'");
  expect(response.getHeader('Cache-Control')).toBe('private, no-cache');
});
