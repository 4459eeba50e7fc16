/** The list of files that BASE_BACKUP sends last: what arrived must be that, size by size and checksum by checksum. */
import { createHash } from 'node:crypto';
import { ClusterError } from '../kernel/errors';

export type ReceivedFile = { readonly size: number; readonly sha256: string };

type ManifestFile = {
  Path?: string;
  'Encoded-Path'?: string;
  Size: number;
  'Checksum-Algorithm'?: string;
  Checksum?: string;
};

/** Bounded: about 150 bytes per file, so this is over a million files. */
export const manifestLimitBytes = 256 * 1024 * 1024;

/** CONFLICT naming the first difference. WAL files come besides the manifest (the server's own recovery checks them record by record). */
export function verifyManifest(manifest: Buffer, received: ReadonlyMap<string, ReceivedFile>): void {
  const wrong = (what: string) => new ClusterError('CONFLICT', `the clone is not what the primary sent: ${what}`);
  const text = manifest.toString('utf8');
  const tail = /"Manifest-Checksum": "([0-9a-f]{64})"\}\s*$/.exec(text);
  if (!tail) throw wrong('its list of files has no checksum');
  // Over everything up to the newline before the checksum's own line.
  const body = text.slice(0, text.lastIndexOf('\n', tail.index) + 1);
  if (createHash('sha256').update(body).digest('hex') !== tail[1]) throw wrong('its list of files is damaged');
  const { Files: files } = JSON.parse(text) as { Files: ManifestFile[] };
  const listed = new Set<string>();
  for (const file of files) {
    const path = file.Path ?? Buffer.from(file['Encoded-Path'] ?? '', 'hex').toString('utf8');
    listed.add(path);
    const got = received.get(path);
    if (!got) throw wrong(`${path} is missing`);
    if (got.size !== file.Size) throw wrong(`${path} has ${got.size} bytes instead of ${file.Size}`);
    if (file['Checksum-Algorithm'] !== 'SHA256' || got.sha256 !== file.Checksum)
      throw wrong(`${path} has a wrong checksum`);
  }
  for (const path of received.keys()) {
    if (!listed.has(path) && !path.startsWith('pg_wal/')) throw wrong(`${path} was sent but is not listed`);
  }
}
