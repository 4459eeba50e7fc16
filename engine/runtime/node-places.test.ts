import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataDirectory } from './data-directory';
import { Installation } from './installation';
import {
  guardianSocketOf,
  openNodeDirectory,
  openSharedPlace,
  refuseForeignData,
  socketDirectoryOf,
} from './node-places';
import { ensureSecrets } from './secrets';
import { topologySchema } from './topology';

const root = process.getuid?.() === 0;
const them = { uid: 65534, gid: 65534 };
const stranger = { uid: 65000, gid: 65000 };
const own = { uid: 2_000_000_001, gid: 2_000_000_001 };

let place: string;
const elsewhere: string[] = [];
beforeEach(() => {
  place = realpathSync(mkdtempSync(join(tmpdir(), 'rustydb-places-')));
  chmodSync(place, 0o755);
});
afterEach(() => {
  for (const path of [place, ...elsewhere.splice(0)]) rmSync(path, { recursive: true, force: true });
});

function ownerAndMode(path: string): readonly number[] {
  const { uid, mode } = lstatSync(path);
  return [uid, mode & 0o777];
}

describe('where a node’s sockets lie', () => {
  it('in its directory, in a short one elsewhere when the path is too long for a socket', () => {
    expect(socketDirectoryOf('/data/nodes/node-1', 'node-1')).toBe('/data/nodes/node-1/run');
    const long = `/data/${'x'.repeat(100)}/node-1`;
    expect(socketDirectoryOf(long, 'node-1')).toMatch(/^\/tmp\/rustydb-[0-9a-f]{10}-node-1$/);
  });

  it('the guardian’s never where PostgreSQL’s user may put one', () => {
    for (const directory of ['/data/nodes/node-1', `/data/${'x'.repeat(100)}/node-1`]) {
      const sockets = socketDirectoryOf(directory, 'node-1');
      const socket = guardianSocketOf(directory, sockets);
      expect(dirname(socket)).not.toBe(sockets);
      expect(socket.length).toBeLessThan(100);
    }
  });
});

describe('a place where everybody may make a directory', () => {
  it('is made, and used again', () => {
    const path = join(place, 'sockets');
    for (let start = 0; start < 2; start++) openSharedPlace(path, root ? them : null, 0o700);
    expect(ownerAndMode(path)).toEqual([root ? them.uid : process.getuid!(), 0o700]);
  });

  it('is refused when others may change what is in it, with what to do', () => {
    mkdirSync(join(place, 'sockets'));
    chmodSync(join(place, 'sockets'), 0o755);
    expect(() => openSharedPlace(join(place, 'sockets'), null, 0o700)).toThrow(
      /has mode 0755.*remove it, or choose another/,
    );
    mkdirSync(join(place, 'binaries'));
    chmodSync(join(place, 'binaries'), 0o777);
    expect(() => openSharedPlace(join(place, 'binaries'), null, 0o755)).toThrow(/has mode 0777/);
    writeFileSync(join(place, 'file'), '');
    expect(() => openSharedPlace(join(place, 'file'), null, 0o755)).toThrow(/is not a directory/);
  });
});

// Another user's directories can only be made by root: as an ordinary user these are left out.
describe.runIf(root)('root beside other users', () => {
  it('refuses a directory or a link that another user made first, and changes nothing', () => {
    const target = join(place, 'target');
    mkdirSync(target, { mode: 0o700 });
    symlinkSync(target, join(place, 'link'));
    lchownSync(join(place, 'link'), stranger.uid, stranger.gid);
    expect(() => openSharedPlace(join(place, 'link'), them, 0o700)).toThrow(
      /is a symbolic link.*another user of this host/,
    );
    expect(ownerAndMode(target)).toEqual([0, 0o700]);
    const theirs = join(place, 'theirs');
    mkdirSync(theirs, { mode: 0o700 });
    chownSync(theirs, stranger.uid, stranger.gid);
    for (const owner of [them, null])
      expect(() => openSharedPlace(theirs, owner, 0o700)).toThrow(/belongs to user 65000.*ls -ld/);
    expect(ownerAndMode(theirs)).toEqual([stranger.uid, 0o700]);
  });

  it('refuses at the start of a node whose socket directory in the temporary folder is somebody’s', async () => {
    const installation = installationIn(join(place, 'x'.repeat(70)));
    const directory = installation.nodeDirectory('node-1');
    const digest = createHash('sha256').update(directory).digest('hex').slice(0, 10);
    const sockets = `/tmp/rustydb-${digest}-node-1`;
    elsewhere.push(sockets, `${sockets}-guardian`);
    const target = join(place, 'target');
    mkdirSync(target, { mode: 0o700 });
    symlinkSync(target, sockets);
    lchownSync(sockets, stranger.uid, stranger.gid);
    const prepare = async () => installation.prepareAgent({ id: 'node-1', group: 'alpha', region: 'here' }, []);
    await expect(prepare()).rejects.toThrow(/is a symbolic link/);
    expect(ownerAndMode(target)).toEqual([0, 0o700]);
    rmSync(sockets);
    mkdirSync(sockets, { mode: 0o700 });
    chownSync(sockets, stranger.uid, stranger.gid);
    await expect(prepare()).rejects.toThrow(/belongs to user 65000/);
    expect(statSync(sockets).uid).toBe(stranger.uid);
    rmSync(sockets, { recursive: true });
    await expect(prepare()).resolves.toMatch(/node-1\.json$/);
    expect(ownerAndMode(sockets)).toEqual([them.uid, 0o700]);
    expect(ownerAndMode(`${sockets}-guardian`)).toEqual([0, 0o700]);
  });

  it('refuses a data directory that PostgreSQL’s user, or everybody, may change', () => {
    const data = join(place, 'data');
    mkdirSync(data, { mode: 0o755 });
    refuseForeignData(openDataDirectory(data), them);
    chownSync(data, them.uid, them.gid);
    expect(() => refuseForeignData(data, own)).toThrow(/data belongs to the user that programs share \(uid 65534\)/);
    chownSync(data, 0, 0);
    chmodSync(data, 0o777);
    expect(() => refuseForeignData(data, them)).toThrow(/data can be changed by everybody.*chown root/);
    chmodSync(data, 0o755);
    chownSync(join(data, 'nodes'), them.uid, them.gid);
    expect(() => refuseForeignData(data, them)).toThrow(
      /data\/nodes belongs to the user that PostgreSQL runs as \(uid 65534\)/,
    );
  });

  it('takes a node’s directory back from PostgreSQL’s user, and leaves that one what is its own', async () => {
    const installation = installationIn(join(place, 'data'));
    const directory = installation.nodeDirectory('node-1');
    // As earlier releases left it.
    mkdirSync(join(directory, 'pgdata'), { recursive: true });
    mkdirSync(join(directory, 'run'), { mode: 0o700 });
    chmodSync(join(directory, 'run'), 0o755);
    for (const path of ['', 'pgdata', 'run']) chownSync(join(directory, path), them.uid, them.gid);
    await installation.prepareAgent({ id: 'node-1', group: 'alpha', region: 'here' }, []);
    expect([...ownerAndMode(directory), statSync(directory).gid]).toEqual([0, 0o750, them.gid]);
    for (const path of ['pgdata', 'run']) expect(statSync(join(directory, path)).uid).toBe(them.uid);
    expect(ownerAndMode(join(directory, 'run'))).toEqual([them.uid, 0o700]);
    expect(ownerAndMode(join(directory, 'identity.json'))[0]).toBe(0);
  });

  it('believes nothing in it that PostgreSQL’s user put there', () => {
    const plant: readonly (readonly [string, (path: string) => void])[] = [
      ['identity.json', (path) => writeFileSync(path, '{}')],
      ['raft', (path) => mkdirSync(path)],
      ['member-state.json', (path) => symlinkSync('/etc/passwd', path)],
      ['pgdata', (path) => symlinkSync('/etc', path)],
      ['log', (path) => symlinkSync('/var/log', path)],
    ];
    for (const [name, make] of plant) {
      const directory = join(place, `with-${name}`);
      mkdirSync(directory);
      make(join(directory, name));
      lchownSync(join(directory, name), them.uid, them.gid);
      chownSync(directory, them.uid, them.gid);
      expect(() => openNodeDirectory(directory, them), name).toThrow(
        /to user 65534 and not to root, so it is not trusted/,
      );
      expect(statSync(directory).uid).toBe(0);
    }
  });
});

function installationIn(dataDirectory: string): Installation {
  mkdirSync(join(dataDirectory, 'run'), { recursive: true });
  return new Installation({
    dataDirectory,
    nodesDirectory: join(dataDirectory, 'nodes'),
    host: '127.0.0.1',
    consoleHost: '127.0.0.1',
    consolePort: 1,
    topology: topologySchema.parse({
      cluster_name: 'small',
      groups: [{ name: 'alpha', nodes: [{ id: 'node-1' }] }],
    }),
    ports: { port: async () => 1, moved: [] },
    secrets: ensureSecrets(dataDirectory, {}),
    native: { directory: '/', runAs: them },
    rehearsalEnabled: false,
    oidcFile: null,
    consoleTls: null,
    secureCookies: false,
    trustedProxies: [],
    rateLimits: null,
  });
}
