/**
 * Reads the first bytes of a PostgreSQL client connection: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest or a TLS hello.
 * Invariant: nothing longer than PostgreSQL itself would take is ever waited for; anything else is `invalid` at the earliest byte.
 */

/** PostgreSQL's own MAX_STARTUP_PACKET_LENGTH. */
export const maxStartupBytes = 10_000;
/** PostgreSQL 18 (protocol 3.2) cancel keys have 4 to 256 bytes; before that exactly 4. */
export const maxCancelKeyBytes = 256;

const sslRequestCode = 80877103;
const gssRequestCode = 80877104;
const cancelRequestCode = 80877102;
const tlsHandshakeRecord = 0x16;

export type StartupParameters = {
  readonly user: string;
  readonly database: string;
  readonly applicationName: string | null;
};

export type Opening =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'ssl-request'; readonly bytes: number }
  | { readonly kind: 'gss-request'; readonly bytes: number }
  /** The client starts TLS without asking (`sslnegotiation=direct`). */
  | { readonly kind: 'direct-tls' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secret: Uint8Array; readonly bytes: number }
  | {
      readonly kind: 'startup';
      readonly major: number;
      readonly minor: number;
      readonly parameters: StartupParameters;
      readonly bytes: number;
    }
  | { readonly kind: 'invalid'; readonly code: string; readonly message: string };

function invalid(code: string, message: string): Opening {
  return { kind: 'invalid', code, message };
}

const decoder = new TextDecoder();

/** Key and value strings up to the closing zero byte; null when the packet is not shaped like that. */
function readPairs(body: Uint8Array): ReadonlyMap<string, string> | null {
  const pairs = new Map<string, string>();
  let at = 0;
  for (;;) {
    const keyEnd = body.indexOf(0, at);
    if (keyEnd < 0) return null;
    if (keyEnd === at) return at === body.length - 1 ? pairs : null;
    const valueEnd = body.indexOf(0, keyEnd + 1);
    if (valueEnd < 0) return null;
    pairs.set(decoder.decode(body.subarray(at, keyEnd)), decoder.decode(body.subarray(keyEnd + 1, valueEnd)));
    at = valueEnd + 1;
  }
}

/** Names are shown in status pages: printable, and no longer than PostgreSQL's own limit of 63 bytes. */
function displayName(text: string): string {
  let shown = '';
  for (const character of text.slice(0, 63)) shown += character < ' ' || character === '\u007f' ? '?' : character;
  return shown;
}

function readStartup(major: number, minor: number, packet: Uint8Array): Opening {
  const pairs = readPairs(packet.subarray(8));
  if (pairs === null) return invalid('08P01', 'invalid startup packet layout: expected terminator as last byte');
  const user = pairs.get('user');
  if (user === undefined || user === '') return invalid('28000', 'no PostgreSQL user name specified in startup packet');
  const applicationName = pairs.get('application_name');
  return {
    kind: 'startup',
    major,
    minor,
    bytes: packet.length,
    parameters: {
      user: displayName(user),
      database: displayName(pairs.get('database') || user),
      applicationName: applicationName ? displayName(applicationName) : null,
    },
  };
}

/** What the connection opens with. `data` starts at the first byte that no earlier opening used. */
export function readOpening(data: Uint8Array): Opening {
  if (data.length === 0) return { kind: 'incomplete' };
  if (data[0] === tlsHandshakeRecord) return { kind: 'direct-tls' };
  // The two high bytes of a valid length are zero: garbage is refused at its first byte, not after a time-out.
  if (data[0] !== 0 || (data.length > 1 && data[1] !== 0)) return invalid('08P01', 'invalid length of startup packet');
  if (data.length < 4) return { kind: 'incomplete' };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = view.getUint32(0);
  if (length < 8 || length > maxStartupBytes) return invalid('08P01', 'invalid length of startup packet');
  if (data.length < length) return { kind: 'incomplete' };
  const code = view.getUint32(4);
  if (code === sslRequestCode || code === gssRequestCode) {
    if (length !== 8) return invalid('08P01', 'invalid length of an encryption request');
    return { kind: code === sslRequestCode ? 'ssl-request' : 'gss-request', bytes: length };
  }
  if (code === cancelRequestCode) {
    const keyBytes = length - 12;
    if (keyBytes < 4 || keyBytes > maxCancelKeyBytes) return invalid('08P01', 'invalid length of cancel request');
    return { kind: 'cancel', processId: view.getUint32(8), secret: data.slice(12, length), bytes: length };
  }
  const major = code >>> 16;
  if (major !== 3) {
    return invalid('0A000', `unsupported frontend protocol ${major}.${code & 0xffff}: server supports 3.0 to 3.2`);
  }
  return readStartup(major, code & 0xffff, data.subarray(0, length));
}
