import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { userInTable, userOfPeer } from './peer-user';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:73A8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:73A8 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:D431 0100007F:73A8 01 00000000:00000000 00:00000000 00000000 65534        0 3 1 0 20 4 30 10 -1
   3: 0000000000000000FFFF00000100007F:D432 0000000000000000FFFF00000100007F:73A8 01 0:0 00:0 0  1000  0 4 1 0 20 4 30 10 -1
`;
const ends = { localAddress: '127.0.0.1', localPort: 0x73a8, remoteAddress: '127.0.0.1', remotePort: 0xd431 };

describe('the user at the other end of a connection', () => {
  it.each([
    ['of the client, not of the server', ends, 65534],
    ['over a mapped address', { ...ends, remotePort: 0xd432, remoteAddress: '::ffff:127.0.0.1' }, 1000],
    ['of another port: not known', { ...ends, remotePort: 1 }, null],
    ['of another host: not known', { ...ends, remoteAddress: '10.0.0.1' }, null],
    ['over IPv6: not known', { ...ends, remoteAddress: '::1' }, null],
    ['of a socket that is gone: not known', { ...ends, remoteAddress: undefined }, null],
  ])('%s', (_, given, expected) => {
    expect(userInTable(table, given)).toBe(expected);
  });

  it.runIf(process.platform === 'linux')('is told by the system', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as { port: number };
    const own = connect(port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    expect(await userOfPeer(accepted)).toBe(process.getuid!());
    own.destroy();
    accepted.destroy();
    if (process.getuid!() === 0) {
      const program = `require('net').connect(${port}, '127.0.0.1'); setTimeout(() => {}, 60000)`;
      const child = spawn(process.execPath, ['-e', program], { uid: 65534, gid: 65534, cwd: '/' });
      const [foreign] = (await once(server, 'connection')) as [Socket];
      expect(await userOfPeer(foreign)).toBe(65534);
      child.kill('SIGKILL');
      await once(child, 'exit');
      foreign.destroy();
    }
    server.close();
  });
});
