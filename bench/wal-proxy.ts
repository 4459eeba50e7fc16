/** Throughput and CPU of the WAL proxy over loopback: source and sink in one process, proxy in another. Run: `node --import tsx bench/wal-proxy.ts` */
import { fork } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { WalProxy } from '../engine/interconnect/wal-proxy';

const totalBytes = 2 * 1024 ** 3;

async function serve(): Promise<void> {
  const proxy = new WalProxy({
    nodeId: 'standby',
    listenHost: '127.0.0.1',
    listenPort: 0,
    logger: pino({ level: 'silent' }),
    faults: () => [],
  });
  const port = await proxy.start();
  let cpu = process.cpuUsage();
  process.on('message', (upstreamPort: number | 'cpu') => {
    if (upstreamPort === 'cpu') {
      const { user, system } = process.cpuUsage(cpu);
      process.send!((user + system) / 1000);
      return;
    }
    proxy.setUpstream({ node: 'primary', host: '127.0.0.1', port: upstreamPort });
    cpu = process.cpuUsage();
    process.send!(port);
  });
  process.on('disconnect', () => process.exit(0));
  process.send!('ready');
}

async function main(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: process.execArgv });
  const next = <T>() => new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)));
  await next<string>();
  const chunk = Buffer.alloc(128 * 1024, 1);
  const server = createServer((socket) => {
    let left = totalBytes;
    const write = () => {
      while (left > 0) {
        left -= chunk.length;
        if (!socket.write(chunk)) return void socket.once('drain', write);
      }
      socket.end();
    };
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  child.send(typeof address === 'object' && address !== null ? address.port : 0);
  const port = await next<number>();
  const started = performance.now();
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    const sink = connect({ host: '127.0.0.1', port });
    sink.on('data', (data) => {
      received += data.length;
    });
    sink.on('error', reject);
    sink.on('end', () => {
      sink.end();
      resolve();
    });
  });
  const seconds = (performance.now() - started) / 1000;
  child.send('cpu');
  const cpuMs = await next<number>();
  const mib = received / 1024 ** 2;
  process.stdout.write(
    `WAL proxy: ${Math.round(mib / seconds)} MiB/s, ${(cpuMs / (mib / 1024)).toFixed(0)} ms CPU per GiB in the proxy\n`,
  );
  server.close();
  child.kill();
}

await (process.argv[2] === 'serve' ? serve() : main());
