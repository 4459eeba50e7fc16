import type { ApiCall } from './call-forms';

/** The key, and each secret of the body, comes from the environment, so that no secret lands in a shell history by copying. */
export function curlCommand(origin: string, call: ApiCall, secrets: readonly string[] = []): string {
  const parts = ['curl -sS'];
  if (call.method !== 'GET') parts.push(`-X ${call.method}`);
  parts.push(`-H ${shellQuoted('Authorization: Bearer ')}"$RUSTYDB_API_KEY"`);
  if (call.body !== undefined) {
    parts.push(`-H ${shellQuoted('Content-Type: application/json')}`, `-d ${quotedJson(call.body, secrets)}`);
  }
  parts.push(shellQuoted(`${origin}/api/v1${call.path}`));
  return parts.join(' ');
}

export function shellQuoted(text: string): string {
  return `'${insideQuotes(text)}'`;
}

function insideQuotes(text: string): string {
  return text.replaceAll("'", `'\\''`);
}

/** A secret's place in the JSON text is a shell variable between the quotes. */
function quotedJson(body: Readonly<Record<string, unknown>>, secrets: readonly string[]): string {
  const members = Object.entries(body).map(([key, value]) => {
    const name = insideQuotes(JSON.stringify(key));
    return secrets.includes(key)
      ? `${name}:"'"$${key.toUpperCase()}"'"`
      : `${name}:${insideQuotes(JSON.stringify(value))}`;
  });
  return `'{${members.join(',')}}'`;
}
