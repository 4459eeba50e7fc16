/** `--cacert`: the file whose certificates this process does not trust yet. Null: none is asked for, or it does. */
import { resolve } from 'node:path';

export function trustedFile(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string | null {
  const at = words.findIndex((word) => word === '--cacert' || word.startsWith('--cacert='));
  if (at < 0) return null;
  const word = words[at] as string;
  const given = word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1];
  if (!given) return null;
  const file = resolve(given);
  return environment.NODE_EXTRA_CA_CERTS === file ? null : file;
}
