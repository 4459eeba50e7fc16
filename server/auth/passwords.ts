/**
 * Password hashes: scrypt with its parameters in the hash, so that they can be raised later. Invariant: what a new hash costs is fixed where the
 * server is put together, and nothing that comes from outside (environment, settings, requests) can lower it.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { HashQueue } from './hash-queue';

export type HashCost = { readonly N: number; readonly r: number; readonly p: number };

/** What the product hashes with: a processor for some tens of milliseconds, and 32 MiB. */
export const productCost: HashCost = { N: 2 ** 15, r: 8, p: 1 };

const mostMemory = 64 * 1024 * 1024;
const keyBytes = 32;

export class PasswordHasher {
  readonly #queue = new HashQueue({ atOnce: 2, waiting: 32 });
  #decoy: Promise<string> | null = null;

  constructor(private readonly cost: HashCost = productCost) {}

  /** `scrypt$N$r$p$salt$key`, both base64url. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const key = await this.#derive(password, salt, this.cost);
    const { N, r, p } = this.cost;
    return ['scrypt', N, r, p, salt.toString('base64url'), key.toString('base64url')].join('$');
  }

  async verify(password: string, hash: string): Promise<boolean> {
    const [scheme, N, r, p, salt, key] = hash.split('$');
    if (scheme !== 'scrypt' || !N || !r || !p || !salt || !key) return false;
    const expected = Buffer.from(key, 'base64url');
    const cost = { N: Number(N), r: Number(r), p: Number(p) };
    const actual = await this.#derive(password, Buffer.from(salt, 'base64url'), cost);
    return expected.length === actual.length && timingSafeEqual(expected, actual);
  }

  /** Spends the time of a verification, so that an unknown name answers no faster than a wrong password. */
  async spendVerification(password: string): Promise<void> {
    this.#decoy ??= this.hash(randomBytes(16).toString('hex')).catch((error: unknown) => {
      this.#decoy = null;
      throw error;
    });
    await this.verify(password, await this.#decoy);
  }

  #derive(password: string, salt: Buffer, cost: HashCost): Promise<Buffer> {
    return this.#queue.run(
      () =>
        new Promise((resolve, reject) => {
          scrypt(password.normalize('NFKC'), salt, keyBytes, { ...cost, maxmem: mostMemory }, (error, key) =>
            error ? reject(error) : resolve(key),
          );
        }),
    );
  }
}
