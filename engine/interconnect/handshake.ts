/**
 * Who is there? Mutual challenge–response over the cluster secret: HELLO (dialler) → CHALLENGE with proof (acceptor) → PROOF (dialler)
 * → WELCOME. Invariants: both proofs cover every byte of both hellos (identities, cluster, version, both nonces), so nothing can be
 * replayed, reflected or swapped; the secret itself is never sent; each direction gets its own session key. Pure but for SHA-256.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isName } from '../kernel/ids';
import { announcedLevel, announcedRelease, firstLevel, ownAnnouncement, releaseOfLevel } from '../kernel/release';
import type { PeerIdentity } from './api';
import { macBytes } from './frames';

export const protocolVersion = 1;
export const nonceBytes = 24;

export type HandshakeContext = {
  readonly self: PeerIdentity;
  readonly clusterId: string;
  readonly secret: string;
  /** Peers of a lower level are refused; absent: none is. */
  readonly minimumLevel?: () => number;
};

export type Hello = {
  readonly kind: 'hello';
  readonly version: number;
  readonly clusterId: string;
  readonly identity: PeerIdentity;
  readonly nonce: string;
  /** Whom the dialler wants to reach: an address may meanwhile belong to another node. */
  readonly expected: string | null;
};
export type Challenge = {
  readonly kind: 'challenge';
  readonly version: number;
  readonly clusterId: string;
  readonly identity: PeerIdentity;
  readonly nonce: string;
};

export type RefusalReason = 'version' | 'cluster' | 'secret' | 'identity' | 'malformed' | 'busy';

/** Said in one sentence, in the log of the side that refuses and, where it may be told, to the other side. */
export class HandshakeRefusal extends Error {
  override readonly name = 'HandshakeRefusal';
  constructor(
    readonly reason: RefusalReason,
    message: string,
  ) {
    super(message);
  }
}

export type SessionKeys = { readonly send: Buffer; readonly receive: Buffer };

export function makeHello(context: HandshakeContext, nonce: Buffer, expected: string | null): Buffer {
  const hello: Hello = {
    kind: 'hello',
    version: protocolVersion,
    clusterId: context.clusterId,
    identity: { ...ownAnnouncement, ...context.self },
    nonce: nonce.toString('base64'),
    expected,
  };
  return Buffer.from(JSON.stringify(hello));
}

/** CHALLENGE on the wire is `JSON | 32-byte proof`. */
export function makeChallenge(context: HandshakeContext, nonce: Buffer, hello: Buffer): Buffer {
  const challenge: Challenge = {
    kind: 'challenge',
    version: protocolVersion,
    clusterId: context.clusterId,
    identity: { ...ownAnnouncement, ...context.self },
    nonce: nonce.toString('base64'),
  };
  const body = Buffer.from(JSON.stringify(challenge));
  return Buffer.concat([body, proof(context.secret, 'acceptor', transcript(hello, body))]);
}

/** @throws HandshakeRefusal */
export function readHello(context: HandshakeContext, bytes: Buffer): Hello {
  const hello = parse(bytes, 'hello') as Hello;
  checkVersionAndCluster(context, hello);
  if (hello.identity.name === context.self.name && context.self.nodeId !== null) {
    throw new HandshakeRefusal(
      'identity',
      `a peer that calls itself ${hello.identity.name}, which is this node's own name, was refused`,
    );
  }
  if (hello.expected !== null && hello.expected !== context.self.nodeId) {
    throw new HandshakeRefusal('identity', `this is ${context.self.name}, not ${hello.expected}`);
  }
  return hello;
}

/** Dialler's side: checks the acceptor's proof and answers with its own. @throws HandshakeRefusal */
export function answerChallenge(
  context: HandshakeContext,
  hello: Buffer,
  bytes: Buffer,
  expected: string | null,
): { readonly proof: Buffer; readonly remote: PeerIdentity; readonly keys: SessionKeys } {
  if (bytes.length < 33) throw new HandshakeRefusal('malformed', 'the challenge is cut short');
  const body = bytes.subarray(0, bytes.length - 32);
  const challenge = parse(body, 'challenge') as Challenge;
  checkVersionAndCluster(context, challenge);
  const seen = transcript(hello, body);
  if (!timingSafeEqual(bytes.subarray(bytes.length - 32), proof(context.secret, 'acceptor', seen))) {
    throw new HandshakeRefusal(
      'secret',
      `${challenge.identity.name} does not know this cluster's secret (or this process has the wrong one)`,
    );
  }
  if (expected !== null && challenge.identity.nodeId !== expected) {
    throw new HandshakeRefusal('identity', `expected ${expected} there, found ${challenge.identity.name}`);
  }
  return {
    proof: proof(context.secret, 'dialler', seen),
    remote: challenge.identity,
    keys: sessionKeys(context.secret, seen, 'dialler'),
  };
}

/** Acceptor's side. @throws HandshakeRefusal */
export function checkProof(
  context: HandshakeContext,
  hello: Buffer,
  challenge: Buffer,
  given: Buffer,
  remoteName: string,
): SessionKeys {
  const seen = transcript(hello, challenge.subarray(0, challenge.length - 32));
  if (given.length !== 32 || !timingSafeEqual(given, proof(context.secret, 'dialler', seen))) {
    throw new HandshakeRefusal(
      'secret',
      `${remoteName} does not know this cluster's secret, or repeats an old handshake`,
    );
  }
  return sessionKeys(context.secret, seen, 'acceptor');
}

/** MAC over (sequence, record body), one instance per direction: a lost, repeated or reordered record doesn't verify. */
export class RecordMac {
  #sequence = 0;
  readonly #counter = Buffer.alloc(8);

  constructor(readonly key: Buffer) {}

  next(body: Buffer): Buffer {
    const sequence = this.#sequence++;
    this.#counter.writeUInt32BE(Math.floor(sequence / 0x1_0000_0000), 0);
    this.#counter.writeUInt32BE(sequence >>> 0, 4);
    return createHmac('sha256', this.key).update(this.#counter).update(body).digest();
  }

  /** The frames of a record if its MAC is right, else null. */
  open(record: Buffer): Buffer | null {
    if (record.length <= macBytes) return null;
    const body = record.subarray(0, record.length - macBytes);
    const expected = this.next(body);
    return expected.compare(record, record.length - macBytes, record.length, 0, macBytes) === 0 ? body : null;
  }
}

function transcript(hello: Buffer, challenge: Buffer): Buffer {
  return createHash('sha256').update(`${hello.length}:`).update(hello).update(challenge).digest();
}

function proof(secret: string, role: 'dialler' | 'acceptor', seen: Buffer): Buffer {
  return createHmac('sha256', secret).update(`rustydb proof ${role} `).update(seen).digest();
}

function sessionKeys(secret: string, seen: Buffer, role: 'dialler' | 'acceptor'): SessionKeys {
  const key = (from: string) =>
    createHmac('sha256', secret).update(`rustydb session from ${from} `).update(seen).digest();
  return role === 'dialler'
    ? { send: key('dialler'), receive: key('acceptor') }
    : { send: key('acceptor'), receive: key('dialler') };
}

function checkVersionAndCluster(context: HandshakeContext, peer: Hello | Challenge): void {
  if (peer.version !== protocolVersion) {
    throw new HandshakeRefusal(
      'version',
      `${peer.identity.name} speaks interconnect version ${peer.version}, this process speaks ${protocolVersion}: upgrade the older one`,
    );
  }
  if (peer.clusterId !== context.clusterId) {
    throw new HandshakeRefusal('cluster', `${peer.identity.name} belongs to another cluster`);
  }
  const minimum = context.minimumLevel?.() ?? firstLevel;
  if (announcedLevel(peer.identity) < minimum) {
    throw new HandshakeRefusal(
      'version',
      `${peer.identity.name} runs release ${announcedRelease(peer.identity)}, and this cluster was upgraded to level ${minimum}: start release ${releaseOfLevel(minimum)} or a newer one there`,
    );
  }
}

const peerKinds = ['node', 'console', 'router', 'launcher'];
const releasePattern = /^[0-9A-Za-z.+-]{1,40}$/;
const peerNamePattern = /^[A-Za-z0-9][A-Za-z0-9:._-]{0,199}$/;

function parse(bytes: Buffer, kind: 'hello' | 'challenge'): Hello | Challenge {
  const malformed = () => new HandshakeRefusal('malformed', 'not an interconnect handshake');
  let value: Partial<Hello & { kind: string }>;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw malformed();
  }
  if (typeof value !== 'object' || value === null || value.kind !== kind) throw malformed();
  if (typeof value.version !== 'number' || typeof value.clusterId !== 'string') throw malformed();
  if (typeof value.nonce !== 'string' || Buffer.from(value.nonce, 'base64').length !== nonceBytes) throw malformed();
  const identity = knownIdentity(value.identity);
  if (identity === null) throw malformed();
  return { ...value, identity } as Hello | Challenge;
}

/** Only the known fields, all of the right type and form; else null. */
function knownIdentity(value: unknown): PeerIdentity | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, kind, nodeId, incarnation, release, level } = value as Partial<PeerIdentity>;
  if (typeof name !== 'string' || !peerNamePattern.test(name)) return null;
  if (kind === undefined || !peerKinds.includes(kind)) return null;
  if (incarnation !== null && typeof incarnation !== 'string') return null;
  // A peer that tells something odd counts as one that tells nothing: of the first level.
  const told = {
    ...(typeof release === 'string' && releasePattern.test(release) ? { release } : {}),
    ...(Number.isInteger(level) && level! >= firstLevel && level! <= 10_000 ? { level } : {}),
  };
  if (kind !== 'node') return nodeId === null ? { name, kind, nodeId, incarnation, ...told } : null;
  return typeof nodeId === 'string' && isName(nodeId) ? { name, kind, nodeId, incarnation, ...told } : null;
}
