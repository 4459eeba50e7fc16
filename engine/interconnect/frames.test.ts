import { describe, expect, it } from 'vitest';
import { fc } from '../testing/property-tests';
import {
  type Frame,
  FrameError,
  type FrameType,
  frameSize,
  frameTypes,
  macBytes,
  plainRecord,
  RecordBuilder,
  RecordParser,
  readFrames,
} from './frames';

const limit = 64 * 1024;
const noMac = () => Buffer.alloc(32);

const frameArbitrary = fc.record({
  type: fc.constantFrom(...(Object.keys(frameTypes) as FrameType[])),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  method: fc.stringMatching(/^[!-~]{0,60}$/),
  body: fc.string({ unit: 'grapheme', maxLength: 300 }),
});

/** Feeds `bytes` in pieces of the given sizes (repeated) and returns all records. */
function parse(bytes: Buffer, pieces: readonly number[], parser = new RecordParser(limit)): Buffer[] {
  const records: Buffer[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = pieces[turn % pieces.length]!;
    parser.push(bytes.subarray(at, at + size));
    at += size;
    for (let record = parser.next(); record !== null; record = parser.next()) records.push(Buffer.from(record));
  }
  return records;
}

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(frameArbitrary, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 }),
        (records, pieces) => {
          const bytes = Buffer.concat(
            records.map((frames) => {
              const builder = new RecordBuilder(0);
              for (const frame of frames) builder.append(frame, frameSize(frame.method, frame.body));
              return builder.seal(noMac);
            }),
          );
          const seen = parse(bytes, pieces).map((record) => {
            const frames: Frame[] = [];
            readFrames(record.subarray(0, record.length - macBytes), (frame) => frames.push(frame));
            return frames.map(({ bytes: _bytes, ...frame }) => frame);
          });
          expect(seen).toEqual(records);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('turn garbage into FrameError or wait for more; nothing else, and never more memory than was received', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }),
        (garbage, pieces) => {
          const parser = new RecordParser(limit);
          try {
            for (const record of parse(Buffer.from(garbage), pieces, parser)) readFrames(record, () => undefined);
          } catch (error) {
            expect(error).toBeInstanceOf(FrameError);
          }
          expect(parser.heldBytes).toBeLessThanOrEqual(Math.max(4096, garbage.length * 2) + 300);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('survive any single flipped byte inside a record: frames or FrameError', () => {
    fc.assert(
      fc.property(frameArbitrary, fc.nat(), fc.integer({ min: 1, max: 255 }), (frame, where, flip) => {
        const builder = new RecordBuilder(0);
        builder.append(frame, frameSize(frame.method, frame.body));
        const record = Buffer.from(builder.seal(noMac).subarray(4, -macBytes));
        record[where % record.length]! ^= flip;
        try {
          readFrames(record, () => undefined);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an empty record', Buffer.from([0, 0, 0, 0])],
    ['a record above the limit', Buffer.from([0, 1, 0, 1, 1])],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a TLS hello', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])],
  ])('refuse %s', (_what, bytes) => {
    expect(() => parse(bytes, [bytes.length])).toThrow(FrameError);
  });

  it('allow nothing above the limit, and what is as large as the limit', () => {
    const largest = plainRecord(Buffer.alloc(limit, 7));
    expect(parse(largest, [1000])[0]!.length).toBe(limit);
    expect(() => parse(plainRecord(Buffer.alloc(limit + 1)), [1000])).toThrow(FrameError);
  });

  it('hold no more than what arrived of a record that claims to be large', () => {
    const parser = new RecordParser(16 * 1024 * 1024);
    const header = Buffer.alloc(4);
    header.writeUInt32BE(16 * 1024 * 1024);
    parser.push(header);
    expect(parser.next()).toBeNull();
    parser.push(Buffer.alloc(10));
    expect(parser.next()).toBeNull();
    expect(parser.heldBytes).toBeLessThanOrEqual(4096);
  });
});
