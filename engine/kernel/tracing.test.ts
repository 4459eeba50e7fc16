/** Without an exporter nothing is opened; what is told of a statement holds none of its values. */
import { describe, expect, it } from 'vitest';
import { answerTraced, withoutTrace, withTrace } from './traced-request';
import { activeTraceparent, inSpan, inSqlSpan, parseTraceparent, traceFields, withoutLiterals } from './tracing';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('without an exporter', () => {
  it('work runs as it is, and nothing is active in it', async () => {
    const seen = await inSpan({ name: 'a' }, async (span) => [span.traceparent, activeTraceparent(), traceFields()]);
    expect(seen).toEqual([null, null, {}]);
    expect(await inSqlSpan('SELECT 1', async () => 'rows')).toBe('rows');
    await expect(inSpan({ name: 'a' }, async () => Promise.reject(new Error('as it was')))).rejects.toThrow(
      /^as it was$/,
    );
  });

  it('a caller’s context is handed on to processes that do export', async () => {
    expect(await inSpan({ name: 'a', parent: traceparent }, async (span) => span.traceparent)).toBe(traceparent);
  });

  it('parameters of a request are untouched', () => {
    const params = { limit: 1 };
    expect(withTrace(params)).toBe(params);
    expect(withoutTrace(params)).toEqual({ params, traceparent: null });
    expect(withoutTrace(null)).toEqual({ params: null, traceparent: null });
  });

  it('the context never reaches who answers a request', async () => {
    expect(await answerTraced('node.wal', { limit: 1, traceparent }, async (params) => params)).toEqual({ limit: 1 });
    expect(await answerTraced('node.wal', { limit: 1, traceparent: 'x' }, (params) => params)).toEqual({ limit: 1 });
  });
});

describe('traceparent', () => {
  it.each([
    [traceparent, traceparent],
    [
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    ],
    ['00-00000000000000000000000000000000-b7ad6b7169203331-01', null],
    ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', null],
    ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', null],
    ['00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01', null],
    [`${traceparent}-more`, null],
    ['', null],
    [undefined, null],
    [['a'], null],
  ])('%s → %s', (sent, taken) => {
    expect(parseTraceparent(sent)).toBe(taken);
  });
});

describe('statements', () => {
  it.each([
    ["ALTER SYSTEM SET primary_conninfo = 'host=a password=secret'", 'ALTER SYSTEM SET primary_conninfo = ?'],
    ["SELECT E'it\\'s', 'o''clock', 12.5, $1", 'SELECT ?, ?, ?, $1'],
    ['SELECT $body$ secret $body$, $$x$$', 'SELECT ?, ?'],
    ['SELECT lsn2 FROM t1 WHERE a = 17', 'SELECT lsn2 FROM t1 WHERE a = ?'],
    ['SELECT\n  1e-5', 'SELECT ?'],
  ])('%s', (statement, told) => {
    expect(withoutLiterals(statement)).toBe(told);
  });

  it('are cut', () => {
    expect(withoutLiterals(`SELECT ${'a, '.repeat(2000)}`)).toHaveLength(2000);
  });
});
