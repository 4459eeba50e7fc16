import type { ApiCall } from './call-forms';

/** The key comes from the environment, so that no secret lands in a shell history by copying. */
export function curlCommand(origin: string, call: ApiCall): string {
  const parts = ['curl -sS'];
  if (call.method !== 'GET') parts.push(`-X ${call.method}`);
  parts.push(`-H ${quoted('Authorization: Bearer ')}"$RUSTYDB_API_KEY"`);
  if (call.body !== undefined) {
    parts.push(`-H ${quoted('Content-Type: application/json')}`, `-d ${quoted(JSON.stringify(call.body))}`);
  }
  parts.push(quoted(`${origin}/api/v1${call.path}`));
  return parts.join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
