import { describe, expect, it } from 'vitest';
import { formatAutoConf, parseAutoConf } from './auto-conf';
import { historyFileName, parseControlFile, parseTimelineHistory } from './control-data';
import { crc32c } from './crc32c';
import { parseLogLine } from './log-tail';
import { scramSalt, scramVerifier } from './scram';
import { slotName, synchronousStandbyNames } from './settings';

describe('postgresql.auto.conf', () => {
  it('round-trips quotes, backslashes and empty values; later lines win; comments go', () => {
    const settings = new Map([
      ['primary_conninfo', "host='127.0.0.1' passfile='/a b/it\\'s'"],
      ['synchronous_standby_names', 'ANY 1 ("node-2","node-3")'],
      ['empty', ''],
    ]);
    expect(parseAutoConf(formatAutoConf(settings))).toEqual(settings);
    expect(parseAutoConf("# c\nA = '1'\na '2' # x\nb=3\n")).toEqual(
      new Map([
        ['a', '2'],
        ['b', '3'],
      ]),
    );
  });

  it('refuses a value with a line break, which could smuggle in another setting', () => {
    expect(() => formatAutoConf(new Map([['a', "1'\narchive_command = 'rm"]]))).toThrow(RangeError);
  });
});

describe('pg_control', () => {
  const control = () => {
    const bytes = Buffer.alloc(8192);
    bytes.writeBigUInt64LE(7_000_000_000_000_000_001n, 0);
    bytes.writeUInt32LE(1800, 8);
    bytes.writeUInt32LE(6, 16);
    bytes.writeBigUInt64LE(0x1_0000_0028n, 32);
    bytes.writeBigUInt64LE(0x1_0000_0000n, 40);
    bytes.writeUInt32LE(2, 48);
    bytes.writeBigUInt64LE(0x2_00000000n, 136);
    bytes.writeUInt32LE(3, 144);
    for (const [at, value] of [200, 16, 25, 64, 65].entries()) bytes.writeInt32LE(value, 180 + 4 * at);
    return bytes;
  };
  const sealed = (bytes: Buffer) => {
    bytes.writeUInt32LE(crc32c(bytes.subarray(0, 292)), 292);
    return bytes;
  };
  const ofVersion = (version: number) => {
    const bytes = control();
    bytes.writeUInt32LE(version, 8);
    return sealed(bytes);
  };

  it('is read', () => {
    expect(parseControlFile(sealed(control()), 'f')).toEqual({
      systemIdentifier: '7000000000000000001',
      state: 'in production',
      timeline: 3,
      checkpointLsn: '1/28',
      redoLsn: '1/0',
      minRecoveryLsn: '2/0',
      parameters: {
        max_connections: 200,
        max_worker_processes: 16,
        max_wal_senders: 25,
        max_prepared_transactions: 64,
        max_locks_per_transaction: 65,
      },
    });
  });

  it.each([
    ['cut short', control().subarray(0, 100)],
    ['wrong checksum', control()],
    ['is empty', sealed(Buffer.alloc(8192))],
    ['damaged', ofVersion(18)],
  ])('%s is an error with a remedy', (why, bytes) => {
    expect(() => parseControlFile(bytes, 'f')).toThrow(new RegExp(`${why}.*cloned again`));
  });

  it.each([1700, 1900])('data of another major version (%i) is refused, and nobody is sent to remove it', (version) => {
    const refused = () => parseControlFile(ofVersion(version), 'f');
    expect(refused).toThrow(
      new RegExp(
        `written by PostgreSQL ${version / 100}, and this release runs PostgreSQL 18: .*nothing needs to be removed`,
      ),
    );
    expect(refused).not.toThrow(/cloned again/);
  });

  it('CRC-32C is the Castagnoli one', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('timeline history', () => {
  it('lists ancestors, oldest first', () => {
    expect(parseTimelineHistory('# x\n1\t0/3000158\tno recovery target specified\n\n2\t0/a000000\tbecause\n')).toEqual([
      { timeline: 1, forkLsn: '0/3000158' },
      { timeline: 2, forkLsn: '0/A000000' },
    ]);
    expect(() => parseTimelineHistory('nonsense')).toThrow(RangeError);
    expect(historyFileName(27)).toBe('0000001B.history');
  });
});

describe('names', () => {
  it('synchronous standbys are quoted and k is checked', () => {
    expect(synchronousStandbyNames(['node-2', 'node-3'], 1)).toBe('ANY 1 ("node-2","node-3")');
    expect(synchronousStandbyNames([], 1)).toBe('');
    expect(() => synchronousStandbyNames(['a'], 2)).toThrow(RangeError);
    expect(() => synchronousStandbyNames(['a'], 0)).toThrow(RangeError);
  });

  it('slot names are valid and distinct', () => {
    expect(slotName('node-2')).toBe('rustydb_node_2');
  });
});

describe('scram', () => {
  it('makes the verifier that PostgreSQL would store', () => {
    // RFC 7677: user/pencil with this salt.
    const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
    expect(verifier).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  it('has one salt per role, the same everywhere, unknown without the secret', () => {
    expect(scramSalt('s', 'app')).toEqual(scramSalt('s', 'app'));
    expect(scramSalt('s', 'app')).not.toEqual(scramSalt('s', 'rustydb'));
    expect(scramSalt('s', 'app')).not.toEqual(scramSalt('t', 'app'));
  });
});

describe('log lines', () => {
  it('are read from JSON; anything else is skipped', () => {
    expect(
      parseLogLine(
        '{"timestamp":"2026-01-02 03:04:05.678 UTC","pid":7,"error_severity":"ERROR","state_code":"42P01","message":"no","detail":"d","user":"app","dbname":"app"}',
      ),
    ).toEqual({
      at: '2026-01-02T03:04:05.678Z',
      level: 'ERROR',
      pid: 7,
      message: 'no (d)',
      sqlState: '42P01',
      user: 'app',
      database: 'app',
    });
    expect(parseLogLine('{"timestamp":"2026')).toBeNull();
    expect(parseLogLine('plain text')).toBeNull();
  });
});
