/**
 * Every session of ours with a PostgreSQL server. Invariant: the password leaves this process as a SCRAM proof only, and nothing is asked of a server that
 * has not proven in turn that it knows the password's verifier. node-postgres answers whatever is asked for, and somebody else may listen where our server
 * should (another process on its port, a file in its socket directory).
 */
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { ClusterError } from '../kernel/errors';

type Protocol = {
  on(event: string, listener: () => void): void;
  emit(event: 'error', error: Error): void;
  readonly stream: Duplex;
};

/** Refused, and why: what the server asked for instead. */
const refusals: Readonly<Record<string, string>> = {
  authenticationCleartextPassword: 'asked for the password in clear',
  authenticationMD5Password: 'asked for an MD5 of the password',
};

/** As `new pg.Client`. A server that asks for anything but SCRAM gets nothing: `connect` rejects. */
export function scramOnlyClient(config: pg.ClientConfig): pg.Client {
  const client = new pg.Client(config);
  const protocol = (client as unknown as { readonly connection: Protocol }).connection;
  let serverProven = false;
  const refuse = (what: string) => {
    // Its own listeners come after ours: they answer into a closed stream, with nothing.
    client.password = '';
    protocol.emit(
      'error',
      new ClusterError(
        'UNAVAILABLE',
        `the server ${what} instead of SCRAM-SHA-256: it is not this cluster's PostgreSQL, or its pg_hba.conf was changed; it was told nothing`,
      ),
    );
  };
  for (const [event, what] of Object.entries(refusals)) protocol.on(event, () => refuse(what));
  protocol.on('authenticationSASLFinal', () => {
    // A wrong proof is an error of node-postgres, which ends the stream below.
    serverProven = true;
  });
  protocol.on('authenticationOk', () => {
    if (!serverProven) refuse('let us in without a proof');
  });
  protocol.on('error', () => protocol.stream.destroy());
  return client;
}
