import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { queuedConnections, queuedIn } from './listen-queue';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:0000001F 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1538 0100007F:9C40 01 00000000:00000063 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:0016 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
`;

it('counts what waits at the listening socket of the port, nothing else', () => {
  expect([5432, 22, 80].map((port) => queuedIn(table, port))).toEqual([31, 2, 0]);
});

// Another system has no such table.
it.runIf(process.platform === 'linux')('of a program that takes nobody', async () => {
  const program = `const s = require('net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); process.kill(process.pid, 'SIGSTOP'); });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const sockets: Socket[] = [];
  try {
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const port = Number(said.toString());
    for (let number = 0; number < 5; number++) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      await once(socket, 'connect');
    }
    await pollUntil(async () => queuedConnections(port) === 5 || undefined, {
      timeoutMs: 5_000,
      intervalMs: 10,
      what: 'five wait',
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
  }
});
