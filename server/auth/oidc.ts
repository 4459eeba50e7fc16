/**
 * Signing in with an identity provider: authorization code with PKCE, state and nonce (openid-client does the protocol). Invariants: an
 * account belongs to one issuer and subject, never to a name; a name that a password account has is not taken over, its owner links it while
 * signed in; what the way out began is bound to this browser by a signed cookie of ten minutes.
 */
import { readFileSync } from 'node:fs';
import { jwtVerify, SignJWT } from 'jose';
import * as client from 'openid-client';
import { ClusterError } from '@/engine/kernel/errors';
import type { StoredAccounts } from './accounts';
import type { ClientFacts, Identity, UserRecord } from './api';
import { cookieOf } from './identify';
import { isLoopback, type OidcConfig, roleOf, usernameOf } from './oidc-config';
import type { Sessions } from './sessions';

const minutes = 10;
const timeoutSeconds = 10;

/** Why signing in did not work, for the sign-in page. */
export type OidcProblem = 'failed' | 'no-role' | 'name-taken' | 'no-name' | 'disabled' | 'other-account';

export class OidcRefused extends Error {
  constructor(
    readonly problem: OidcProblem,
    message: string,
  ) {
    super(message);
  }
}

type Begun = {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly next: string;
  /** The user who links the provider's identity to their account. */
  readonly link: string | null;
  readonly again: boolean;
};

export type OidcOptions = {
  readonly config: OidcConfig;
  readonly accounts: StoredAccounts;
  readonly sessions: Sessions;
  readonly secret: Uint8Array;
  readonly secure: boolean;
};

export class OidcSignIn {
  #provider: Promise<client.Configuration> | null = null;

  constructor(private readonly options: OidcOptions) {}

  get label(): string {
    return this.options.config.label;
  }

  /** Where to send the browser, and the cookie that binds the way back to it. */
  async begin(input: { readonly next: string; readonly link: Identity | null; readonly again: boolean }) {
    const { config } = this.options;
    const begun: Begun = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      next: safeNext(input.next),
      link: input.link?.kind === 'user' ? input.link.id : null,
      again: input.again,
    };
    const url = client.buildAuthorizationUrl(await this.#discover(), {
      redirect_uri: config.redirectUri,
      scope: config.scopes,
      code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
      code_challenge_method: 'S256',
      state: begun.state,
      nonce: begun.nonce,
      ...(input.again ? { prompt: 'login', max_age: '0' } : {}),
    });
    const token = await new SignJWT({ ...begun })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience('oidc')
      .setExpirationTime(`${minutes}m`)
      .sign(this.options.secret);
    return { location: url.href, cookie: this.#cookie(token, minutes * 60) };
  }

  /** @throws OidcRefused, ClusterError */
  async finish(search: string, cookies: string | undefined, facts: ClientFacts) {
    const begun = await this.#begun(cookies);
    const claims = await this.#claims(search, begun);
    const user = await this.#account(claims, begun);
    // Only a moment at which the provider asked for the credentials is a proof for force paths.
    const provedAt = typeof claims.auth_time === 'number' ? new Date(claims.auth_time * 1000) : new Date(0);
    const { cookie } = await this.options.sessions.beginProved(user, facts, provedAt);
    return { user, next: begun.next, cookies: [cookie, this.#cookie('', 0)] };
  }

  async #begun(cookies: string | undefined): Promise<Begun> {
    const token = cookieOf(cookies, this.#cookieName);
    const verified = token
      ? await jwtVerify(token, this.options.secret, { algorithms: ['HS256'], audience: 'oidc' }).catch(() => null)
      : null;
    if (!verified)
      throw new OidcRefused('failed', 'This browser did not begin to sign in, or longer than ten minutes ago');
    return verified.payload as unknown as Begun;
  }

  async #claims(search: string, begun: Begun): Promise<client.IDToken> {
    const { redirectUri } = this.options.config;
    const provider = await this.#discover();
    try {
      const tokens = await client.authorizationCodeGrant(provider, new URL(`${redirectUri}${search}`), {
        pkceCodeVerifier: begun.verifier,
        expectedState: begun.state,
        expectedNonce: begun.nonce,
        idTokenExpected: true,
        ...(begun.again ? { maxAge: 60 } : {}),
      });
      const claims = tokens.claims();
      if (claims) return await this.#withUserinfo(provider, claims, tokens.access_token);
    } catch (error) {
      throw new OidcRefused(
        'failed',
        `The provider’s answer is not good: ${error instanceof Error ? error.message : ''}`,
      );
    }
    throw new OidcRefused('failed', 'The provider sent no identity');
  }

  /** Many providers tell groups and names there only. What the signed token says counts more. */
  async #withUserinfo(provider: client.Configuration, claims: client.IDToken, accessToken: string) {
    const { roleClaim, usernameClaim } = this.options.config;
    const complete = claims[roleClaim] !== undefined && claims[usernameClaim] !== undefined;
    if (complete || provider.serverMetadata().userinfo_endpoint === undefined) return claims;
    return { ...(await client.fetchUserInfo(provider, accessToken, claims.sub)), ...claims };
  }

  async #account(claims: client.IDToken, begun: Begun): Promise<UserRecord> {
    const { config, accounts } = this.options;
    const external = { issuer: claims.iss, subject: claims.sub };
    const role = roleOf(claims, config);
    const users = await accounts.users();
    const known = users.find(
      (one) => one.external?.issuer === external.issuer && one.external.subject === external.subject,
    );
    if (begun.link !== null) {
      if (known && known.id !== begun.link) {
        throw new OidcRefused('other-account', `This identity belongs to ${known.username} already`);
      }
      return accounts.updateUser(begun.link, { external });
    }
    if (known) {
      if (known.disabled) throw new OidcRefused('disabled', `${known.username} is disabled`);
      if (role === null) throw new OidcRefused('no-role', `No ${config.roleClaim} of ${known.username} gives a role`);
      return role === known.role ? known : accounts.updateUser(known.id, { role });
    }
    if (role === null) throw new OidcRefused('no-role', `No ${config.roleClaim} of ${claims.sub} gives a role`);
    const username = usernameOf(claims, config);
    if (username === null)
      throw new OidcRefused('no-name', `${config.usernameClaim} of ${claims.sub} can be no user name`);
    if (users.some((one) => one.username === username)) {
      throw new OidcRefused('name-taken', `${username} has an account that is not linked to this identity`);
    }
    return accounts.createUser({ username, password: null, role, by: `oidc ${claims.iss}`, external });
  }

  /** The provider may be away when the console starts, so it is asked when somebody signs in. */
  #discover(): Promise<client.Configuration> {
    const { config } = this.options;
    this.#provider ??= client
      .discovery(
        new URL(config.issuer),
        config.clientId,
        undefined,
        config.clientSecretFile
          ? client.ClientSecretPost(readFileSync(config.clientSecretFile, 'utf8').trim())
          : client.None(),
        {
          timeout: timeoutSeconds,
          ...(isLoopback(config.issuer) ? { execute: [client.allowInsecureRequests] } : {}),
        },
      )
      .catch((error: unknown) => {
        this.#provider = null;
        const why = error instanceof Error ? error.message : '';
        throw new ClusterError('UNAVAILABLE', `The identity provider ${config.issuer} does not answer: ${why}`);
      });
    return this.#provider;
  }

  get #cookieName(): string {
    return `${this.options.sessions.cookieName}_oidc`;
  }

  /** Lax: the way back is a navigation from the provider’s site. */
  #cookie(value: string, maxAge: number): string {
    const secure = this.options.secure ? '; Secure' : '';
    return `${this.#cookieName}=${value}; Path=/api/v1/auth/oidc; HttpOnly; SameSite=Lax; Max-Age=${maxAge}${secure}`;
  }
}

/** Only paths of this console. */
function safeNext(next: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}
