/** PostgreSQL's ErrorResponse message, both ways. Every refusal of the router is one, so that any driver shows it as a server error. */

export type ServerError = {
  readonly severity: 'FATAL' | 'ERROR';
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A whole message, type byte and length included. */
export function encodeErrorResponse(error: ServerError): Uint8Array {
  const fields: [string, string][] = [
    ['S', error.severity],
    ['V', error.severity],
    ['C', error.code],
    ['M', error.message],
  ];
  if (error.detail) fields.push(['D', error.detail]);
  if (error.hint) fields.push(['H', error.hint]);
  // A zero byte inside a value would end the field early and shift all that follows.
  const body = encoder.encode(`${fields.map(([type, value]) => `${type}${value.replaceAll('\0', '?')}\0`).join('')}\0`);
  const message = new Uint8Array(body.length + 5);
  message[0] = 0x45;
  new DataView(message.buffer).setUint32(1, body.length + 4);
  message.set(body, 5);
  return message;
}

/** Fields of an ErrorResponse body (without type and length); absent ones are empty. */
export function decodeErrorResponse(body: Uint8Array): { severity: string; code: string; message: string } {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end < 0) break;
    fields.set(String.fromCharCode(body[at]!), decoder.decode(body.subarray(at + 1, end)));
    at = end + 1;
  }
  return {
    severity: fields.get('V') ?? fields.get('S') ?? '',
    code: fields.get('C') ?? '',
    message: fields.get('M') ?? '',
  };
}
