/** Signing in with a real OpenID provider: the whole way of a browser, what a role follows from, whom an identity belongs to, what is refused. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword, type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import type { OidcConfig } from './oidc-config';

const people: Record<string, { preferred_username: string; groups: string[] }> = {
  'subject-1': { preferred_username: 'Maria', groups: ['dba', 'staff'] },
  'subject-2': { preferred_username: 'otto', groups: ['staff'] },
  'subject-3': { preferred_username: 'nobody', groups: [] },
  'subject-4': { preferred_username: 'admin', groups: ['dba'] },
};

let provider: Server;
let console: ConsoleFixture;
let issuer: string;

/** `inToken`: the provider puts what it knows of a person into the ID token; else only its userinfo tells. */
async function begin(inToken: boolean): Promise<void> {
  provider = createServer();
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  // The console's port is known only when it listens, so the way back goes through an address that the test itself rewrites.
  const redirectUri = 'https://console.example/api/v1/auth/oidc/callback';
  const op = new Provider(issuer, {
    clients: [
      {
        client_id: 'console',
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
        application_type: 'web',
      },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    conformIdTokenClaims: !inToken,
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['for this test'] },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  });
  provider.on('request', op.callback());
  const oidc: OidcConfig = {
    issuer,
    clientId: 'console',
    redirectUri,
    label: 'Sign in with Example',
    scopes: 'openid profile',
    usernameClaim: 'preferred_username',
    roleClaim: 'groups',
    roles: { admin: ['dba'], operator: [], viewer: ['staff'] },
  };
  console = await startConsole({ withAdmin: true, oidc });
}

async function end(): Promise<void> {
  await console.stop();
  provider.closeAllConnections();
  await new Promise((resolve) => provider.close(resolve));
}

beforeAll(() => begin(true));
afterAll(() => end());

/** A browser: keeps cookies per site and follows one answer at a time. */
class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();
  /** What the provider wanted to be told the last time. */
  asked: string[] = [];

  async go(url: string, form?: Record<string, string>): Promise<{ response: Response; location: string | null }> {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    const response = await fetch(url, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      body: form ? new URLSearchParams(form) : undefined,
      headers: { Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      const at = pair.indexOf('=');
      jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const location = response.headers.get('location');
    return { response, location: location === null ? null : new URL(location, url).href };
  }

  set(origin: string, name: string, value: string): void {
    this.#cookies.get(origin)!.set(name, value);
  }

  forget(origin: string): void {
    this.#cookies.delete(origin);
  }

  /** A force path, as the console's pages ask for it. */
  async force(): Promise<{ status: number; body: Wire }> {
    const cookies = [...this.#cookies.get(console.url)!].map(([name, value]) => `${name}=${value}`);
    return console.json('/api/v1/cluster/failover', {
      method: 'POST',
      role: null,
      body: { group: 'alpha', allow_data_loss: true },
      headers: { Cookie: cookies.join('; '), 'X-RustyDB-Console': '1' },
    });
  }

  me = async () => (await this.go(`${console.url}/api/v1/auth/me`)).response.json() as Promise<Wire>;

  /** Through the provider's own pages, to the address that the console sends the browser back to. */
  async throughProvider(start: string, subject: string, change = (way: string) => way): Promise<string> {
    let { location } = await this.go(start);
    this.asked = [];
    if (location !== null) location = change(location);
    for (let step = 0; step < 12 && location !== null; step++) {
      if (location.startsWith('https://console.example')) return location;
      const { response, location: next } = await this.go(location);
      if (next !== null) location = next;
      else {
        // The provider's page to sign in, then the one to consent.
        const prompt = (await response.text()).includes('name="login"') ? 'login' : 'consent';
        this.asked.push(prompt);
        ({ location } = await this.go(location, {
          prompt,
          ...(prompt === 'login' ? { login: subject, password: 'x' } : {}),
        }));
      }
    }
    throw new Error(`the provider did not send the browser back: ${location}`);
  }

  async signIn(subject: string, query = ''): Promise<string> {
    const back = await this.throughProvider(`${console.url}/api/v1/auth/oidc/start?next=/nodes${query}`, subject);
    const { location } = await this.go(back.replace('https://console.example', console.url));
    return location!.slice(console.url.length);
  }
}

it('is offered only where it is configured', async () => {
  const { body } = await console.json('/api/v1/auth/methods', { role: null });
  expect(body.single_sign_on).toEqual({ label: 'Sign in with Example', path: '/api/v1/auth/oidc/start' });
  const without = await startConsole();
  expect((await without.json('/api/v1/auth/methods', { role: null })).body.single_sign_on).toBeNull();
  expect((await without.json('/api/v1/auth/oidc/start', { role: null })).status).toBe(404);
  await without.stop();
});

it('makes an account of the role that the claims give, and finds it again by subject', async () => {
  const browser = new Browser();
  expect(await browser.signIn('subject-1')).toBe('/nodes');
  expect(await browser.me()).toMatchObject({ kind: 'user', name: 'maria', role: 'admin' });
  people['subject-1'] = { preferred_username: 'maria-renamed', groups: ['staff'] };
  const again = new Browser();
  await again.signIn('subject-1');
  expect(await again.me()).toMatchObject({ name: 'maria', role: 'viewer' });
  const users = (await console.json('/api/v1/users', { role: 'admin' })).body as Wire[];
  expect(users.filter((one) => one.username.startsWith('maria'))).toHaveLength(1);
  const { body: audit } = await console.json('/api/v1/audit?procedure=auth.oidc', { role: 'admin' });
  expect(audit[0]).toMatchObject({ actor: 'user:maria', outcome: 'succeeded' });
});

it('refuses who has no role, and does not take over the account of a name', async () => {
  expect(await new Browser().signIn('subject-3')).toBe('/sign-in?problem=no-role');
  const browser = new Browser();
  expect(await browser.signIn('subject-4')).toBe('/sign-in?problem=name-taken');
  expect((await browser.me()).code).toBe('UNAUTHORIZED');
});

it('links an identity to the account that is signed in', async () => {
  const browser = new Browser();
  const login = await console.request('/api/v1/auth/login', {
    method: 'POST',
    role: null,
    body: { username: 'admin', password: adminPassword },
  });
  const [name = '', value = ''] = login.headers.get('set-cookie')!.split(';')[0]!.split(/=(.*)/s);
  await browser.go(`${console.url}/healthz`);
  browser.set(console.url, name, value);
  expect(await browser.signIn('subject-4', '&link=1')).toBe('/nodes');
  const other = new Browser();
  expect(await other.signIn('subject-4')).toBe('/nodes');
  expect(await other.me()).toMatchObject({ name: 'admin', role: 'admin' });
  // The password goes on working, and an account without one has none to guess.
  const body = { username: 'maria', password: 'null' };
  expect((await console.json('/api/v1/auth/login', { method: 'POST', role: null, body })).status).toBe(401);
});

describe('proving oneself again', () => {
  const person = 'subject-5';
  beforeAll(() => {
    people[person] = { preferred_username: 'olga', groups: ['dba'] };
  });

  it('asks for the credentials though the provider knows the browser, and lets force paths through', async () => {
    const browser = new Browser();
    await browser.signIn(person);
    expect(browser.asked).toContain('login');
    const refused = await browser.force();
    expect([refused.status, refused.body.details.cluster_code]).toEqual([403, 'CLU_REAUTHENTICATION_REQUIRED']);
    expect(refused.body.details.reasons[0]).toMatchObject({
      measured: 'never',
      remedy: expect.stringContaining('/api/v1/auth/oidc/start?again=1'),
    });
    // The provider remembers the browser: signing in once more asks for nothing, and proves nothing.
    await browser.signIn(person);
    expect(browser.asked).not.toContain('login');
    expect((await browser.force()).status).toBe(403);

    expect(await browser.signIn(person, '&again=1')).toBe('/nodes');
    expect(browser.asked).toContain('login');
    expect(await browser.me()).toMatchObject({ name: 'olga', role: 'admin' });
    const done = await browser.force();
    expect(done.status, JSON.stringify(done.body)).toBe(202);
    const { body: audit } = await console.json('/api/v1/audit?procedure=auth.oidc', { role: 'admin' });
    expect(audit[0]).toMatchObject({ actor: 'user:olga', outcome: 'succeeded' });
  });

  it('takes no answer that came without the credentials', async () => {
    const browser = new Browser();
    await browser.signIn(person);
    // Somebody at an unattended browser leaves the demand out of the address on the way to the provider.
    const undemanding = (way: string) => {
      const url = new URL(way);
      url.searchParams.delete('prompt');
      url.searchParams.delete('max_age');
      return url.href;
    };
    const start = `${console.url}/api/v1/auth/oidc/start?again=1`;
    const back = await browser.throughProvider(start, person, undemanding);
    expect(browser.asked).not.toContain('login');
    const { location } = await browser.go(back.replace('https://console.example', console.url));
    expect(location).toBe(`${console.url}/sign-in?problem=failed`);
    expect((await browser.force()).status).toBe(403);
  });

  it('is only who gives the credentials: another person gets a session of their own', async () => {
    const browser = new Browser();
    await browser.signIn(person);
    // The provider signed the first person out.
    browser.forget(issuer);
    await browser.signIn('subject-2', '&again=1');
    expect(await browser.me()).toMatchObject({ name: 'otto', role: 'viewer' });
    expect((await browser.force()).body.code).toBe('FORBIDDEN');
  });
});

it('needs the browser that began, and takes an answer once', async () => {
  const browser = new Browser();
  const back = await browser.throughProvider(`${console.url}/api/v1/auth/oidc/start`, 'subject-2');
  const target = back.replace('https://console.example', console.url);
  expect((await new Browser().go(target)).location).toContain('problem=failed');
  expect((await browser.go(target.replace(/state=[^&]+/, 'state=other'))).location).toContain('problem=failed');
  expect((await browser.go(target)).location).toBe(`${console.url}/`);
  expect((await browser.go(target)).location).toContain('problem=failed');
});

it('leads to no other site', async () => {
  const browser = new Browser();
  const back = await browser.throughProvider(`${console.url}/api/v1/auth/oidc/start?next=//evil.example`, 'subject-2');
  expect((await browser.go(back.replace('https://console.example', console.url))).location).toBe(`${console.url}/`);
});

describe('a provider that tells roles and names by its userinfo only', () => {
  beforeAll(async () => {
    await end();
    await begin(false);
    people['subject-6'] = { preferred_username: 'ursula', groups: ['dba'] };
  });

  it('is asked there', async () => {
    const browser = new Browser();
    expect(await browser.signIn('subject-6')).toBe('/nodes');
    expect(await browser.me()).toMatchObject({ name: 'ursula', role: 'admin' });
  });

  it('still refuses who has no role', async () => {
    expect(await new Browser().signIn('subject-3')).toBe('/sign-in?problem=no-role');
  });
});
