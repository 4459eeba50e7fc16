/**
 * MariaDB as a resource manager, through its XA statements. A branch that is prepared stays with its session until that ends; then any session may
 * commit it (MariaDB 10.5 and later). So a session is ended before another one has the last word.
 */
import { type Connection, type ConnectionConfig, createConnection } from 'mariadb';
import { messageOf } from '../kernel/errors';
import type { Loop } from '../kernel/loop';
import { withTimeout } from '../kernel/waiting';
import { type BranchName, mariaXidOf, parseMariaXid } from './core/identifier';
import { refusedStatement } from './core/statement-guard';
import type { ManagerHealth, PreparedTransaction, Statement, StatementResult } from './door';
import { answerBytesLimit, type BranchSession, plainValue, type ResourceManager, xaError } from './resource-manager';

const connectTimeoutMs = 3_000;
const answerTimeoutMs = 15_000;
const checkTimeoutMs = 3_000;
/** XAER_NOTA: unknown XID. */
const unknownXid = 1397;

export type MariadbTarget = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly ssl?: ConnectionConfig['ssl'];
};

export type MariadbManagerOptions = {
  readonly name: string;
  readonly loop: Loop;
  readonly target: () => MariadbTarget;
  readonly cluster: string;
};

export class MariadbManager implements ResourceManager {
  readonly kind = 'mariadb';
  readonly name: string;
  /** Sessions whose branch is prepared: they must end before another may finish it. */
  readonly #holding = new Map<string, Connection>();
  #closed = false;

  constructor(private readonly options: MariadbManagerOptions) {
    this.name = options.name;
  }

  identifierOf(branch: BranchName): string {
    return mariaXidOf(branch);
  }

  prepareWith(identifier: string): readonly string[] {
    return [`XA START ${identifier}`, '…', `XA END ${identifier}`, `XA PREPARE ${identifier}`];
  }

  async begin(identifier: string): Promise<BranchSession> {
    const connection = await this.#connect();
    try {
      await connection.query(`XA START ${identifier}`);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return new MariadbBranch(connection, identifier, () => this.#holding.set(identifier, connection));
  }

  async finish(identifier: string, outcome: 'commit' | 'abort'): Promise<'done' | 'absent'> {
    const verb = outcome === 'commit' ? 'COMMIT' : 'ROLLBACK';
    const own = this.#holding.get(identifier);
    this.#holding.delete(identifier);
    if (own) {
      try {
        await withTimeout(
          this.options.loop,
          own.query(`XA ${verb} ${identifier}`),
          answerTimeoutMs,
          `an answer of ${this.name}`,
        );
        void own.end().catch(() => undefined);
        return 'done';
      } catch {
        // It is asked again through another session: that answer counts.
        own.destroy();
      }
    }
    return this.#with(answerTimeoutMs, async (connection) => {
      try {
        await connection.query(`XA ${verb} ${identifier}`);
        return 'done';
      } catch (error) {
        // Also while the session that prepared it has not ended yet: then it is still in the list.
        if (errorNumber(error) !== unknownXid) throw error;
        if ((await recovered(connection)).some((row) => mariaText(row) === identifier)) throw error;
        return 'absent';
      }
    });
  }

  isPrepared(identifier: string): Promise<boolean> {
    return this.#with(checkTimeoutMs, async (connection) =>
      (await recovered(connection)).some((row) => mariaText(row) === identifier),
    );
  }

  prepared(): Promise<readonly PreparedTransaction[]> {
    return this.#with(checkTimeoutMs, async (connection) =>
      (await recovered(connection)).map((row) => {
        const name = parseMariaXid(row);
        return {
          node: null,
          resourceManager: this.name,
          identifier: mariaText(row),
          owner: null,
          database: null,
          preparedAt: null,
          ageMs: null,
          ours:
            name?.cluster === this.options.cluster
              ? { id: name.transaction, coordinator: null, branch: name.branch }
              : null,
          locks: null,
          waitingPids: [],
          horizonTransactions: null,
          walBytes: null,
        };
      }),
    );
  }

  async check(): Promise<ManagerHealth> {
    const { loop } = this.options;
    const at = loop.now();
    const checkedAt = new Date(loop.wallMs()).toISOString();
    try {
      const [row] = await this.#with(checkTimeoutMs, (connection) =>
        connection.query<{ version: string }[]>('SELECT VERSION() AS version'),
      );
      const version = row!.version;
      const [major = 0, minor = 0] = version.split('.').map((one) => Number.parseInt(one, 10));
      const fits = version.includes('MariaDB') && (major > 10 || (major === 10 && minor >= 11));
      const sentence = fits ? null : `${version} can't take part: MariaDB 10.11 or later is needed.`;
      return {
        state: fits ? 'up' : 'down',
        sentence,
        checkedAt,
        version,
        roundTripMs: Math.round((loop.now() - at) * 10) / 10,
        maxPrepared: null,
      };
    } catch (error) {
      return {
        state: 'down',
        sentence: messageOf(error),
        checkedAt,
        version: null,
        roundTripMs: null,
        maxPrepared: null,
      };
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#holding.values()) connection.destroy();
    this.#holding.clear();
  }

  async #with<T>(timeoutMs: number, use: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    try {
      const result = await withTimeout(this.options.loop, use(connection), timeoutMs, `an answer of ${this.name}`);
      void connection.end().catch(() => undefined);
      return result;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async #connect(): Promise<Connection> {
    if (this.#closed) throw xaError('XAER_RMFAIL', `${this.name} is not used any more.`);
    const { host, port, database, user, password, ssl } = this.options.target();
    try {
      const connection = await createConnection({
        host,
        port,
        database,
        user,
        password,
        connectTimeout: connectTimeoutMs,
        multipleStatements: false,
        permitLocalInfile: false,
        maxAllowedPacket: answerBytesLimit,
        ...(ssl === undefined ? {} : { ssl }),
      });
      connection.on('error', () => undefined);
      return connection;
    } catch (error) {
      throw xaError('XAER_RMFAIL', `${this.name} does not let the coordinator in: ${messageOf(error)}`);
    }
  }
}

class MariadbBranch implements BranchSession {
  #lost: string | null = null;
  #over = false;
  abandoned = false;
  #callbacks: (() => void)[] = [];

  constructor(
    private readonly connection: Connection,
    private readonly identifier: string,
    private readonly nowPrepared: () => void,
  ) {
    connection.on('error', (error: Error) => this.#lose(error.message));
    connection.on('end', () => this.#lose('the server ended the session'));
  }

  get lost(): string | null {
    return this.#lost;
  }

  onLost(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  async execute({ resourceManager, statement, parameters, maxRows }: Statement): Promise<StatementResult> {
    const refused = refusedStatement(statement, 'mariadb');
    if (refused !== null) throw xaError('XAER_INVAL', refused);
    const answer = (await this.connection.execute({ sql: statement, rowsAsArray: true }, [...parameters])) as
      | (unknown[][] & { meta?: { name(): string }[] })
      | { readonly affectedRows: number };
    if (!Array.isArray(answer))
      return { resourceManager, columns: [], rows: [], rowCount: Number(answer.affectedRows), truncated: false };
    const rows = answer.slice(0, maxRows).map((row) => row.map(plainValue));
    const columns = (answer.meta ?? []).map((column) => column.name());
    return { resourceManager, columns, rows, rowCount: answer.length, truncated: answer.length > maxRows };
  }

  async prepare(): Promise<'prepared'> {
    await this.connection.query(`XA END ${this.identifier}`);
    await this.connection.query(`XA PREPARE ${this.identifier}`);
    this.#over = true;
    this.nowPrepared();
    return 'prepared';
  }

  async commitOnePhase(): Promise<void> {
    await this.connection.query(`XA END ${this.identifier}`);
    await this.connection.query(`XA COMMIT ${this.identifier} ONE PHASE`);
    this.#end();
  }

  async rollback(): Promise<void> {
    // A session that ends rolls back what isn't prepared, in whatever state it is.
    this.abandon();
  }

  abandon(): void {
    this.abandoned = true;
    this.#over = true;
    this.connection.destroy();
  }

  #end(): void {
    this.#over = true;
    void this.connection.end().catch(() => undefined);
  }

  #lose(why: string): void {
    if (this.#over || this.#lost !== null) return;
    this.#lost = why;
    for (const callback of this.#callbacks.splice(0)) callback();
  }
}

type RecoverRow = { readonly formatId: number; readonly gtrid: string; readonly bqual: string };

async function recovered(connection: Connection): Promise<readonly RecoverRow[]> {
  const rows =
    await connection.query<{ formatID: number; gtrid_length: number; bqual_length: number; data: string | Buffer }[]>(
      'XA RECOVER',
    );
  return rows.map((row) => {
    const data = Buffer.from(row.data as string);
    const gtrid = data.subarray(0, Number(row.gtrid_length)).toString();
    const bqual = data
      .subarray(Number(row.gtrid_length), Number(row.gtrid_length) + Number(row.bqual_length))
      .toString();
    return { formatId: Number(row.formatID), gtrid, bqual };
  });
}

function mariaText({ gtrid, bqual, formatId }: RecoverRow): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  return `${quoted(gtrid)},${quoted(bqual)},${formatId}`;
}

function errorNumber(error: unknown): number | undefined {
  return (error as { errno?: number } | null)?.errno;
}
