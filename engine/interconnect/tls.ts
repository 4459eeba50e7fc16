/**
 * TLS between hosts: both sides show a certificate that the same authority signed. Who exactly is there is proved by the handshake over the
 * cluster secret inside, so the certificate's host name is not compared.
 */
import { readFileSync } from 'node:fs';

/** Paths of PEM files. */
export type TlsFiles = { readonly cert: string; readonly key: string; readonly ca: string };
export type TlsMaterial = { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer };

export function readTlsFiles(files: TlsFiles): TlsMaterial {
  return { cert: readFileSync(files.cert), key: readFileSync(files.key), ca: readFileSync(files.ca) };
}
