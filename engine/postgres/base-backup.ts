/**
 * Clones the primary over the replication protocol (no pg_basebackup is shipped). Everything goes to `<dataDirectory>.new`, is verified
 * against the manifest and synced, and only then takes the place of what was there by rename: an interruption at any point leaves the old
 * state whole, and the next try throws the half clone away.
 */
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { exists, renameDurably, replaceFile } from '../kernel/durable-file';
import { ClusterError } from '../kernel/errors';
import { ensureDirectory, removeTree } from '../kernel/foreign-files';
import type { PostgresConfiguration } from './api';
import { editAutoConf } from './auto-conf';
import { Extraction, removeOldTablespaces } from './clone-files';
import { sqlState } from './connection';
import { OtherMajorVersion, readControlFile } from './control-data';
import { writeConfiguration } from './initdb';
import { scramOnlyClient } from './scram-only';
import { sessionOptions } from './session-options';
import { replicationUser, roleSettings } from './settings';

export type CloneOptions = {
  readonly slot: string;
  readonly confirmedTimeline?: number;
  readonly onProgress: (bytes: number, total: number | null) => void;
  readonly signal: AbortSignal;
};

export async function cloneFromPrimary(configuration: PostgresConfiguration, options: CloneOptions): Promise<void> {
  const target = `${configuration.paths.dataDirectory}.new`;
  await repairSwap(configuration.paths.dataDirectory);
  await removeTree(target);
  const extraction = new Extraction(target, configuration.paths.nodeDirectory, configuration.runAs);
  try {
    // Ours alone while we write into it.
    await ensureDirectory(target, 0o700, null);
    await receive(configuration, options, extraction);
    extraction.verify();
    await writeConfiguration(configuration, target);
    await editAutoConf(target, Object.fromEntries(roleSettings.map((name) => [name, null])), configuration.runAs);
    // From its first moment in place it is a standby: nothing can start it as a second primary.
    await replaceFile(join(target, 'standby.signal'), '', configuration.runAs);
    await extraction.handOver();
    await extraction.sync();
    options.signal.throwIfAborted();
  } catch (error) {
    await extraction.remove();
    throw readable(error, target);
  }
  await swap(configuration.paths.dataDirectory, target);
  await removeOldTablespaces(configuration.paths.nodeDirectory, configuration.paths.dataDirectory);
}

/** Two renames; `repairSwap` finishes or undoes what a crash between them left. */
async function swap(dataDirectory: string, target: string): Promise<void> {
  const old = `${dataDirectory}.old`;
  if (await exists(dataDirectory)) await renameDurably(dataDirectory, old);
  await renameDurably(target, dataDirectory);
  await removeTree(old);
}

export async function repairSwap(dataDirectory: string): Promise<void> {
  const old = `${dataDirectory}.old`;
  if (!(await exists(old))) return;
  if (await exists(dataDirectory)) await removeTree(old);
  else await renameDurably(old, dataDirectory);
}

function readable(error: unknown, target: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new ClusterError(
      'UNAVAILABLE',
      `no space left for the clone in ${dirname(target)}: free some; what was there before is untouched`,
    );
  }
  return error;
}

// ---------------------------------------------------------------- replication protocol
async function receive(
  configuration: PostgresConfiguration,
  options: CloneOptions,
  extraction: Extraction,
): Promise<void> {
  const client = scramOnlyClient({
    host: '127.0.0.1',
    port: configuration.walProxyPort,
    user: replicationUser,
    password: configuration.passwords.replication,
    database: 'postgres',
    application_name: `${configuration.nodeId} clone`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    options: sessionOptions('other'),
    ...{ replication: 'true' },
  });
  client.on('error', () => undefined);
  const stream = () =>
    (client as unknown as { connection: { stream: { destroy(error?: Error): void } } }).connection.stream;
  const abort = () => stream().destroy(new Error('stopped'));
  try {
    await client.connect();
    options.signal.throwIfAborted();
    options.signal.addEventListener('abort', abort, { once: true });
    await confirmSource(client, configuration.paths.dataDirectory, options.confirmedTimeline ?? null);
    await reserve(client, options.slot);
    await new Promise<void>((resolve, reject) => {
      client.query(
        new BackupQuery(extraction, options.onProgress, (error) => (error ? reject(error) : resolve())) as never,
      );
    });
  } catch (error) {
    if (options.signal.aborted) throw new ClusterError('UNAVAILABLE', 'the clone was stopped');
    throw error;
  } finally {
    options.signal.removeEventListener('abort', abort);
    stream().destroy();
  }
}

/** What is here is replaced only by a newer state of the same database. A copy that can't be read any more has nothing to compare. */
async function confirmSource(client: pg.Client, dataDirectory: string, confirmed: number | null): Promise<void> {
  const { rows } = await client.query<{ systemid: string; timeline: number }>('IDENTIFY_SYSTEM');
  const source = rows[0]!;
  const local = await readControlFile(dataDirectory).catch((error: unknown) => {
    if (error instanceof OtherMajorVersion) throw error;
    return null;
  });
  if (!local) return;
  if (source.systemid !== local.systemIdentifier) {
    throw new ClusterError(
      'CONFLICT',
      `${dataDirectory} belongs to another database (system identifier ${local.systemIdentifier}, the primary has ${source.systemid}): move it away if it may be replaced`,
    );
  }
  if (confirmed !== null) {
    if (Number(source.timeline) >= confirmed) return;
    throw new ClusterError(
      'CONFLICT',
      `the server that answers is on timeline ${source.timeline}, the primary on ${confirmed}: it is another one, nothing is copied from it`,
    );
  }
  if (Number(source.timeline) < local.timeline) {
    throw new ClusterError(
      'CONFLICT',
      `${dataDirectory} is on timeline ${local.timeline}, the primary only on ${source.timeline}: the copy here is newer and is not replaced; move it away if it may be`,
    );
  }
}

/** The slot keeps the WAL that the clone needs from before its start until it streams. */
async function reserve(client: pg.Client, slot: string): Promise<void> {
  if (!/^[a-z0-9_]{1,63}$/.test(slot))
    throw new ClusterError('INVALID_INPUT', `${JSON.stringify(slot)} is no slot name`);
  try {
    await client.query(`CREATE_REPLICATION_SLOT ${slot} PHYSICAL (RESERVE_WAL true)`);
  } catch (error) {
    if (sqlState(error) !== '42710') throw error;
  }
}

const backupCommand =
  "BASE_BACKUP ( LABEL 'rustydb clone', PROGRESS true, CHECKPOINT 'fast', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256', TABLESPACE_MAP false )";

type PgConnection = {
  query(text: string): void;
  stream: { pause(): void; resume(): void; destroy(error?: Error): void };
};

/**
 * The COPY stream of PostgreSQL 15 and later: `n` a new archive, `m` the manifest follows, `d` data, `p` progress. node-postgres hands us the
 * messages; the socket is paused while the disk is behind, so at most one socket read is in memory.
 */
class BackupQuery {
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failed: Error | null = null;
  #finished = false;
  #rows: string[][] = [];
  #total: number | null = null;
  #bytes = 0;
  #spaceChecked = false;
  callback = () => undefined;

  constructor(
    private readonly extraction: Extraction,
    private readonly onProgress: CloneOptions['onProgress'],
    private readonly done: (error: Error | null) => void,
  ) {}

  submit(connection: PgConnection): void {
    connection.query(backupCommand);
  }

  handleRowDescription(): void {
    this.#rows = [];
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#rows.push(message.fields.map((field) => field ?? ''));
  }

  handleCopyData(message: { chunk: Buffer }, connection: PgConnection): void {
    if (this.#failed) return;
    this.#waiting++;
    connection.stream.pause();
    this.#work = this.#work
      .then(() => (this.#failed ? undefined : this.#take(message.chunk)))
      .catch((error: Error) => {
        this.#failed ??= error;
        connection.stream.destroy();
        this.#finish();
      })
      .finally(() => {
        if (--this.#waiting === 0) connection.stream.resume();
      });
  }

  async #take(chunk: Buffer): Promise<void> {
    const kind = String.fromCharCode(chunk[0]!);
    const body = chunk.subarray(1);
    switch (kind) {
      case 'n':
        await this.#checkSpace();
        return this.extraction.startArchive(body.subarray(0, body.indexOf(0)).toString('utf8'));
      case 'm':
        this.extraction.endArchive();
        return this.extraction.startManifest();
      case 'd':
        this.#bytes += body.length;
        return this.extraction.data(body);
      case 'p':
        this.onProgress(this.#bytes, this.#total);
        return;
    }
  }

  /** Second result set: one row per tablespace, the data directory itself without an oid; sizes in kB. */
  async #checkSpace(): Promise<void> {
    if (this.#spaceChecked) return;
    this.#spaceChecked = true;
    const kilobytes = this.#rows.reduce((sum, row) => sum + Number(row[2]), 0);
    this.#total = Number.isFinite(kilobytes) && kilobytes > 0 ? kilobytes * 1024 : null;
    await this.extraction.checkSpace(this.#total ?? 0);
    this.onProgress(0, this.#total);
  }

  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}

  handleError(error: Error): void {
    this.#failed ??= error;
    this.#finish();
  }

  handleReadyForQuery(): void {
    void this.#work.then(() => {
      this.onProgress(this.#bytes, this.#total);
      this.#finish();
    });
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const failed = this.#failed;
    if (!failed) {
      this.done(null);
      return;
    }
    // A file may still be being opened or written: it is closed before the caller clears away.
    void this.#work.then(() => this.extraction.abandon()).then(() => this.done(failed));
  }
}
