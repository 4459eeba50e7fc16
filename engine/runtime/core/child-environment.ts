/**
 * The environment that the launcher's children get. Pure. Invariant: a variable reaches them only if it is named here, so no secret that somebody gave the
 * launcher, or has in a shell for something else, lies in the environment of a process that runs for months.
 */

const named = new Set([
  // Of the system.
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'TZ',
  'LANG',
  'LANGUAGE',
  'LD_LIBRARY_PATH',
  // Of Node and TLS.
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'NODE_V8_COVERAGE',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'OPENSSL_CONF',
  // To where spans and the identity provider are.
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  // Ours.
  'RUSTYDB_LOG_LEVEL',
  'RUSTYDB_ACCEPT_MOVED',
  'RUSTYDB_GUARDIAN',
  // Of bench/stalls.ts.
  'RUSTYDB_STALLS',
]);
const families = /^(?:LC_|OTEL_)[A-Z0-9_]+$/;

type Environment = Readonly<Record<string, string | undefined>>;

export function childEnvironment(env: Environment, own: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && (named.has(entry[0]) || families.test(entry[0])),
  );
  return { ...Object.fromEntries(kept), ...own };
}

/** What an installation is given at its first start; each also as `<name>_FILE`. */
export const secretVariables = ['RUSTYDB_ADMIN_PASSWORD', 'RUSTYDB_DB_PASSWORD', 'RUSTYDB_API_KEY'] as const;

/**
 * Where the values of these variables lie in an environment as the system keeps it (`name=value`, each ended by a zero): offset and length of each value.
 */
export function valuesIn(
  block: Buffer,
  names: readonly string[],
): readonly { readonly at: number; readonly length: number }[] {
  const found: { at: number; length: number }[] = [];
  for (let begin = 0; begin < block.length; ) {
    const zero = block.indexOf(0, begin);
    const end = zero < 0 ? block.length : zero;
    const equals = block.indexOf('='.charCodeAt(0), begin);
    if (equals >= begin && equals < end && names.includes(block.toString('utf8', begin, equals)))
      found.push({ at: equals + 1, length: end - equals - 1 });
    begin = end + 1;
  }
  return found;
}
