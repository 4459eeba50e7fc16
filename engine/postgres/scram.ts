/**
 * SCRAM-SHA-256 verifiers made on our side, so that a password never travels to a server in clear, in SQL or in a log. The salt is derived
 * from a secret, not drawn: every group then holds the same verifier for the same login, which pass-through authentication between groups needs.
 */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

const iterations = 4096;

/** 16 bytes that only who knows `secret` can predict; the same for the same role everywhere. */
export function scramSalt(secret: string, role: string): Buffer {
  return createHmac('sha256', secret).update(`rustydb scram salt:${role}`).digest().subarray(0, 16);
}

/** The form PostgreSQL stores: `SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>`. Passwords are ASCII, so SASLprep changes nothing. */
export function scramVerifier(password: string, salt: Buffer): string {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
