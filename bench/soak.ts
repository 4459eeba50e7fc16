/**
 * `npm run soak`: `--phase cluster|raft|group|all`, `--faults 120`, `--runs 10000` (simulators), `--seed N`, `--resume file` (goes on where an interrupted
 * soak was; the simulators keep theirs beside it), `--kinds kill-node,partition`. Exit code 1 at the first violation; everything needed to repeat is printed.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { machineFacts, machineLine, saveJson, say } from './measure/report';
import { clusterSoak, clusterSummary } from './soak/cluster-soak';
import { type FaultKind, faultKinds } from './soak/fault-kinds';

const { values } = parseArgs({
  options: {
    phase: { type: 'string', default: 'all' },
    faults: { type: 'string', default: '120' },
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    resume: { type: 'string' },
    kinds: { type: 'string', default: faultKinds.join(',') },
    'think-ms': { type: 'string', default: '8' },
  },
});

const simulators = [
  { phase: 'raft', name: 'raft', script: 'engine/control/raft/sim/soak.ts', extra: [] },
  ...['lease', 'promise', 'voter-set'].map((suite) => ({
    phase: 'group',
    name: suite,
    script: 'engine/testing/group-sim/soak.ts',
    extra: ['--suite', suite],
  })),
] as const;

function simulate(script: string, extra: readonly string[], name: string): Promise<boolean> {
  const resume = values.resume ? ['--resume', `${values.resume}.${name}`] : [];
  const seed = values.seed ? ['--from-seed', values.seed] : [];
  const words = ['--import', 'tsx', script, '--runs', values.runs, ...extra, ...seed, ...resume];
  say(`node ${words.join(' ')}`);
  return new Promise((done) => {
    spawn(process.execPath, words, { stdio: 'inherit' }).once('exit', (code) => done(code === 0));
  });
}

function kinds(): readonly FaultKind[] {
  const wanted = values.kinds.split(',');
  const unknown = wanted.filter((name) => !faultKinds.includes(name as FaultKind));
  if (unknown.length > 0) throw new Error(`unknown fault kinds: ${unknown.join(', ')}`);
  return wanted as FaultKind[];
}

async function main(): Promise<number> {
  const machine = machineFacts();
  console.log(`${machineLine(machine)}\n`);
  let good = true;
  for (const { phase, name, script, extra } of simulators) {
    if (values.phase === phase || values.phase === 'all') good = (await simulate(script, extra, name)) && good;
  }
  if (values.phase === 'cluster' || values.phase === 'all') {
    const { state, failed } = await clusterSoak({
      faults: Number(values.faults),
      seed: values.seed ? Number(values.seed) : Date.now() % 1_000_000,
      resumeFile: values.resume ?? null,
      thinkMs: Number(values['think-ms']),
      kinds: kinds(),
    });
    console.log(clusterSummary(state));
    console.log(`\n${saveJson('soak', { machine, ...state })}`);
    good &&= !failed;
  }
  return good ? 0 : 1;
}

process.exitCode = await main();
