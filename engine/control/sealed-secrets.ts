/**
 * Secrets inside records of the control store, encrypted: whoever reads the store's files, its log or a backup of them learns nothing without the
 * cluster's secret. AES-256-GCM (NIST SP 800-38D) under a key of the catalog's own (HKDF, RFC 5869), a random nonce per secret. Invariant: a
 * sealed secret opens only in the record and field for which it was made.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { ClusterError } from '../kernel/errors';

const cipher = 'aes-256-gcm';
/** First byte of what is sealed. Another way to seal gets another number. */
const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

/** Where a secret stands: its store key and field. */
export type SecretPlace = { readonly key: string; readonly field: string };

export class SecretSeal {
  readonly #key: Buffer;

  constructor(clusterSecret: string, catalog: string) {
    this.#key = Buffer.from(hkdfSync('sha256', clusterSecret, '', `rustydb catalog ${catalog}`, 32));
  }

  seal(clear: string, place: SecretPlace): string {
    const nonce = randomBytes(nonceBytes);
    const sealing = createCipheriv(cipher, this.#key, nonce).setAAD(bytesOf(place));
    const text = Buffer.concat([sealing.update(clear, 'utf8'), sealing.final()]);
    return Buffer.concat([Buffer.of(format), nonce, sealing.getAuthTag(), text]).toString('base64url');
  }

  /** @throws ClusterError INTERNAL when it was changed, moved, or sealed with another cluster's secret */
  open(sealed: string, place: SecretPlace): string {
    const bytes = Buffer.from(sealed, 'base64url');
    const textFrom = 1 + nonceBytes + tagBytes;
    if (bytes[0] !== format || bytes.length < textFrom) throw unopened(place);
    try {
      const opening = createDecipheriv(cipher, this.#key, bytes.subarray(1, 1 + nonceBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(bytesOf(place))
        .setAuthTag(bytes.subarray(1 + nonceBytes, textFrom));
      return Buffer.concat([opening.update(bytes.subarray(textFrom)), opening.final()]).toString('utf8');
    } catch {
      throw unopened(place);
    }
  }
}

function bytesOf({ key, field }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([key, field]));
}

function unopened({ key, field }: SecretPlace): ClusterError {
  return new ClusterError(
    'INTERNAL',
    `The secret ${field} of ${key} can't be decrypted: it was changed, moved here from another record, or encrypted with another cluster secret. Set it again.`,
  );
}
