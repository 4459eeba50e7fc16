/**
 * The console's certificate and key, from files. Checked together before they are used; new ones are taken over while the server runs (on
 * SIGHUP, or when a file changed), and bad new ones leave the old in force.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';
import { messageOf } from '@/engine/kernel/errors';
import type { Logger } from '@/engine/kernel/log';

export type TlsFiles = { readonly certFile: string; readonly keyFile: string };
export type TlsMaterial = { readonly cert: string; readonly key: string; readonly notAfter: Date };

const lookMs = 5000;
const warnDays = 14;

/** @throws Error with one sentence that says which file is wrong and why */
export function readTls({ certFile, keyFile }: TlsFiles): TlsMaterial {
  const cert = read(certFile, 'certificate');
  const key = read(keyFile, 'key');
  const certificate = parse(() => new X509Certificate(cert), `The TLS certificate ${certFile} is no PEM certificate`);
  const privateKey = parse(
    () => createPrivateKey(key),
    `The TLS key ${keyFile} is no PEM private key without passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`The TLS key ${keyFile} does not belong to the certificate ${certFile}`);
  }
  return { cert, key, notAfter: new Date(certificate.validTo) };
}

function read(file: string, what: string): string {
  return parse(() => readFileSync(file, 'utf8'), `The TLS ${what} ${file} cannot be read`);
}

function parse<T>(make: () => T, problem: string): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`${problem}: ${messageOf(error)}`);
  }
}

export class TlsReloader {
  #seen: string;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly files: TlsFiles,
    private readonly server: Pick<Server, 'setSecureContext'>,
    private readonly logger: Logger,
  ) {
    this.#seen = this.#stamp();
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), lookMs).unref();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  /** Takes the files over if they changed since. */
  look(): void {
    if (this.#stamp() !== this.#seen) this.reload();
  }

  reload(): void {
    // Noted first: files that are bad are not tried again until they change once more.
    this.#seen = this.#stamp();
    try {
      const { cert, key, notAfter } = readTls(this.files);
      this.server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
      this.logger.info({ notAfter: notAfter.toISOString() }, 'the TLS certificate was taken over');
      warnBeforeEnd(notAfter, this.logger);
    } catch (error) {
      this.logger.error({ err: error }, 'the new TLS files are not good; the old certificate stays in force');
    }
  }

  /** Both files by what they are now, also behind a symlink that was turned. */
  #stamp(): string {
    return [this.files.certFile, this.files.keyFile]
      .map((file) => {
        const found = statSync(file, { throwIfNoEntry: false });
        return found ? `${found.ino}/${found.mtimeMs}/${found.size}` : 'missing';
      })
      .join(' ');
  }
}

export function warnBeforeEnd(notAfter: Date, logger: Logger): void {
  const days = Math.floor((notAfter.getTime() - Date.now()) / 86_400_000);
  if (days < 0) logger.error({ notAfter: notAfter.toISOString() }, 'the TLS certificate has run out');
  else if (days < warnDays)
    logger.warn({ notAfter: notAfter.toISOString() }, `the TLS certificate runs out in ${days} days`);
}
