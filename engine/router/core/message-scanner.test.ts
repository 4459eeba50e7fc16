import { describe, expect, it } from 'vitest';
import { fc } from '../../testing/property-tests';
import { MessageScanner } from './message-scanner';

function message(type: string, body: readonly number[]): number[] {
  const length = body.length + 4;
  return [type.charCodeAt(0), length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255, ...body];
}
const key = [0, 0, 0x12, 0x67, 1, 2, 3, 4];

describe('MessageScanner', () => {
  it.each([4, 32, 256])('finds a cancel key of %i bytes, split anywhere', (length) => {
    const secret = Array.from({ length }, (_, i) => i % 251);
    const stream = Uint8Array.from([...message('R', [0, 0, 0, 0]), ...message('K', [0, 0, 0, 9, ...secret])]);
    for (let cut = 0; cut <= stream.length; cut += 7) {
      const scanner = new MessageScanner();
      scanner.scan(stream.subarray(0, cut));
      scanner.scan(stream.subarray(cut));
      expect(scanner.keyData).toEqual({ processId: 9, secret: Uint8Array.from(secret) });
    }
  });
  it('knows the transaction state and whether everything was answered', () => {
    const scanner = new MessageScanner();
    expect(scanner.transactionState).toBeNull();
    scanner.scan(Uint8Array.from(message('Z', [0x49])));
    expect([scanner.transactionState, scanner.isReady]).toEqual(['idle', true]);
    scanner.scan(Uint8Array.from(message('C', [1, 2])));
    expect(scanner.isReady).toBe(false);
    scanner.scan(Uint8Array.from(message('Z', [0x54])));
    expect(scanner.transactionState).toBe('in-transaction');
    scanner.scan(Uint8Array.from(message('Z', [0x45])));
    expect(scanner.transactionState).toBe('failed');
  });
  it('takes no key data after the first ReadyForQuery', () => {
    const scanner = new MessageScanner();
    scanner.scan(Uint8Array.from([...message('Z', [0x49]), ...message('K', key)]));
    expect(scanner.keyData).toBeNull();
  });
  it('never claims a boundary again in a stream that is not PostgreSQL’s', () => {
    const scanner = new MessageScanner();
    scanner.scan(Uint8Array.from([0x52, 0, 0, 0, 1, 0, 0]));
    scanner.scan(Uint8Array.from(message('Z', [0x49])));
    expect(scanner.atBoundary).toBe(false);
  });
  it('agrees with counting on the whole stream, however it is cut', () => {
    const part = fc.tuple(fc.constantFrom('D', 'T', 'C', 'E', 'N', 'Z'), fc.array(fc.nat(255), { maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 30 })), (parts, cuts) => {
        const ends = new Set<number>([0]);
        const last = new Map<number, string>();
        const bytes: number[] = [];
        for (const [type, body] of parts) {
          bytes.push(...message(type, body));
          ends.add(bytes.length);
          last.set(bytes.length, type);
        }
        const stream = Uint8Array.from(bytes);
        const scanner = new MessageScanner();
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const next = Math.min(stream.length, at + (cuts[i % Math.max(1, cuts.length)] ?? 13));
          scanner.scan(stream.subarray(at, next));
          at = next;
          expect(scanner.atBoundary).toBe(ends.has(at));
          if (last.has(at)) expect(scanner.endedWithError).toBe(last.get(at) === 'E');
        }
      }),
    );
  });
});
