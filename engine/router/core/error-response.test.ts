import { describe, expect, it } from 'vitest';
import { decodeErrorResponse, encodeErrorResponse } from './error-response';
import { heldTooLong, sessionEnded, tooManyHeld, tooManySessions } from './refusal';

describe('ErrorResponse', () => {
  it('comes back as it went', () => {
    const bytes = encodeErrorResponse({ severity: 'FATAL', code: '57P03', message: 'später', detail: 'd', hint: 'h' });
    expect(bytes[0]).toBe(0x45);
    expect(new DataView(bytes.buffer).getUint32(1)).toBe(bytes.length - 1);
    expect(bytes.at(-1)).toBe(0);
    expect(decodeErrorResponse(bytes.subarray(5))).toEqual({ severity: 'FATAL', code: '57P03', message: 'später' });
  });
  it('does not let a zero byte end a field early', () => {
    const bytes = encodeErrorResponse({ severity: 'ERROR', code: '08006', message: 'a\0Cb' });
    expect(decodeErrorResponse(bytes.subarray(5))).toMatchObject({ code: '08006', message: 'a?Cb' });
  });
  it('survives a body that is cut off', () => {
    expect(decodeErrorResponse(Uint8Array.from([0x53, 0x46]))).toEqual({ severity: '', code: '', message: '' });
  });
});

describe('refusals say what happens and what to do', () => {
  it.each([
    [heldTooLong('alpha-rw', 'no primary', 1500), '57P03', /alpha-rw cannot accept connections now: no primary/],
    [tooManyHeld('alpha-rw', 10), '53300', /too many connections wait .* \(limit 10\)/],
    [tooManySessions('alpha-rw', 10), '53300', /limit of 10 sessions/],
    [sessionEnded('epoch 3 ended', false), '57P01', /terminating connection: epoch 3 ended/],
  ])('%#', (error, code, message) => {
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTruthy();
  });
  it('warns of a COMMIT with unknown outcome exactly when something was in progress', () => {
    expect(sessionEnded('x', true).detail).toMatch(/COMMIT.*unknown/);
    expect(sessionEnded('x', false).detail).not.toMatch(/COMMIT/);
  });
});
