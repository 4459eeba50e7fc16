import { describe, expect, it } from 'vitest';
import { childEnvironment, secretVariables, valuesIn } from './child-environment';

describe('what a child gets', () => {
  const env = {
    PATH: '/bin',
    LC_ALL: 'C',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector',
    RUSTYDB_LOG_LEVEL: 'debug',
    RUSTYDB_ADMIN_PASSWORD: 'secret-1',
    RUSTYDB_DB_PASSWORD: 'secret-2',
    RUSTYDB_API_KEY: 'secret-3',
    AWS_SECRET_ACCESS_KEY: 'secret-4',
    PGPASSWORD: 'secret-5',
    npm_config_token: 'secret-6',
    LD_PRELOAD: '/tmp/evil.so',
    TZ: undefined,
  };
  it('is what is named, and what the launcher adds', () => {
    expect(childEnvironment(env, { RUSTYDB_PROCESS: 'node-1' })).toEqual({
      PATH: '/bin',
      LC_ALL: 'C',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector',
      RUSTYDB_LOG_LEVEL: 'debug',
      RUSTYDB_PROCESS: 'node-1',
    });
  });
});

it('values are found where they lie, and only those of the names', () => {
  const text =
    'A=1\0RUSTYDB_API_KEY=k=ey\0MY_RUSTYDB_API_KEY=x\0RUSTYDB_DB_PASSWORD=\0EMPTY\0RUSTYDB_ADMIN_PASSWORD=last';
  const block = Buffer.from(text);
  const values = valuesIn(block, secretVariables).map(({ at, length }) => block.toString('utf8', at, at + length));
  expect(values).toEqual(['k=ey', '', 'last']);
});
