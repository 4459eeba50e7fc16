/**
 * `npm run bench:failover`: how long writes stop when a primary dies or is moved, under 8 closed-loop clients. Rows: PostgreSQL killed under a live
 * agent while much redo is owed; the whole node killed; the whole node frozen; planned switchover. RUNS="10/10/5/10" (or one number for all),
 * `--only postgres,node,freeze,switchover,in-place`, RUSTYDB_DIST for another build. Exit code 1 when an acknowledged write is missing anywhere.
 */
import { parseArgs } from 'node:util';
import { CheckedWorkload } from '../engine/testing/checked-workload';
import { delay, RealCluster, send } from '../engine/testing/real-cluster';
import { allowMuchWal, lastRedoMs, oweWal } from './failover/redo';
import { type Fault, group, play, type Run } from './failover/scene';
import { onInterruption } from './measure/interruption';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { maximum, median } from './measure/statistics';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'postgres,in-place,node,freeze,switchover' },
    'wal-mb': { type: 'string', default: '1024' },
    keep: { type: 'boolean', default: false },
  },
});
const only = new Set(values.only.split(','));
const [postgresRuns = 10, nodeRuns = 10, freezeRuns = 5, switchoverRuns = 10, inPlaceRuns = 3] = runCounts();
const owedBytes = Number(values['wal-mb']) * 2 ** 20;
const frozenMs = 10_000;
/** A run above this prints its journal. */
const slowMs = 3_000;

function runCounts(): readonly number[] {
  const given = (process.env.RUNS ?? '10/10/5/10').split('/').map(Number);
  return given.length === 1 ? [0, 1, 2, 3, 4].map(() => given[0] as number) : given;
}

const killPostgres: Fault = async ({ cluster, primary }) => {
  for (const pid of cluster.postgresProcesses(primary)) send(pid, 'SIGKILL');
  return {};
};

const killNode: Fault = async ({ cluster, door, primary }) => {
  const leads = (await door.leader()) === primary;
  const processes = cluster.signalNode(primary, 'SIGKILL');
  return { leader: leads ? 'yes' : 'no', processes };
};

const freezeNode: Fault = async ({ cluster, door, primary }) => {
  const leads = (await door.leader()) === primary;
  const processes = cluster.nodeProcesses(primary);
  for (const pid of processes) send(pid, 'SIGSTOP');
  await delay(frozenMs);
  for (const pid of processes) send(pid, 'SIGCONT');
  return { leader: leads ? 'yes' : 'no', processes: processes.length };
};

const switchOver: Fault = async ({ door, primary }) => {
  const operation = await door.startOperation({
    kind: 'failover',
    group,
    mode: 'switchover',
    expectedPrimary: primary,
  });
  const ended = await door.finished(operation.id);
  if (ended.state !== 'succeeded') throw new Error(`switchover: ${JSON.stringify(ended.error)}`);
  return { target: ended.chosen ?? 'unknown' };
};

/** In every second run the group's primary also leads the control store. */
async function placeLeader(cluster: RealCluster, onPrimary: boolean): Promise<void> {
  const door = await cluster.door();
  const primary = await door.primary(group);
  const others = (await door.view()).nodes.map((node) => node.record.id).filter((id) => id !== primary);
  const leader = await door.leader();
  if (onPrimary) await door.transferLeadership(primary);
  else if (leader === primary) await door.transferLeadership(others.at(-1) as string);
}

async function postgresKilled(cluster: RealCluster, count: number, inPlace: boolean): Promise<Run[]> {
  const door = await cluster.door();
  await allowMuchWal(door, group);
  const { config } = await door.view();
  if (inPlace) await door.configure({ restartBudgetMs: 600_000 });
  const runs: Run[] = [];
  let lastCrash = Number.NEGATIVE_INFINITY;
  for (let run = 1; run <= count; run++) {
    const primary = await door.primary(group);
    const owed = await oweWal(cluster, primary, owedBytes);
    // A second crash within a minute fails over whatever the budget says.
    if (inPlace) await delay(Math.max(0, lastCrash + 61_000 - performance.now()));
    const { report } = await door.nodeView(primary);
    const speed = report?.postgres.replayBytesPerSecond ?? null;
    const wall = Date.now();
    lastCrash = performance.now();
    const result = await play(cluster, inPlace ? 'in-place' : 'postgres', run, killPostgres);
    const redo = await lastRedoMs(door, primary, wall);
    runs.push(
      tell({
        ...result,
        notes: {
          owedMB: Math.round(owed / 2 ** 20),
          replayMBs: speed === null ? 'not measured' : Math.round(speed / 2 ** 20),
          redoMs: redo ?? 'not logged',
        },
      }),
    );
  }
  if (inPlace) await door.configure({ restartBudgetMs: config.restartBudgetMs });
  return runs;
}

async function repeated(cluster: RealCluster, scenario: string, count: number, fault: Fault): Promise<Run[]> {
  const runs: Run[] = [];
  for (let run = 1; run <= count; run++) {
    await placeLeader(cluster, scenario !== 'switchover' && run % 2 === 0);
    runs.push(tell(await play(cluster, scenario, run, fault)));
  }
  return runs;
}

function tell(run: Run): Run {
  const notes = Object.entries(run.notes).map(([name, value]) => `${name} ${value}`);
  say(
    `${run.scenario} ${run.run}: ${run.outageMs} ms, ${run.outcome} (${run.primary} → ${run.newPrimary}), healed after ${run.healedMs} ms, ${run.commitsPerSecond}/s, failed connects ${run.connectFailures}, lost ${run.lost}; ${run.phases}; ${notes.join(', ')}`,
  );
  if (run.outageMs > slowMs) for (const line of run.journal) say(`    ${line}`);
  return run;
}

/** What the other way would have taken: measured redo for those that failed over, the median failover for those that restarted. */
function otherWay(run: Run, all: readonly Run[]): string {
  const failovers = all.filter((one) => one.outcome === 'failed over' && one.scenario !== 'switchover');
  if (run.outcome === 'failed over') {
    const redo = run.notes.redoMs;
    return typeof redo === 'number' ? `restart: ≥ ${redo} ms of redo` : 'restart: unknown';
  }
  return failovers.length > 0
    ? `failover: ${Math.round(median(failovers.map((one) => one.outageMs)))} ms (median)`
    : '–';
}

async function main(): Promise<number> {
  const machine = machineFacts();
  say(machineLine(machine));
  const cluster = await RealCluster.start({ through: 'engine', readyTimeoutMs: 120_000 });
  onInterruption(() => cluster.killEverything());
  say(`cluster in ${cluster.dataDirectory}`);
  let kept = values.keep;
  try {
    const door = await cluster.door();
    await door.healed(120_000);
    await CheckedWorkload.createTable(await cluster.service(`${group}-rw`));
    const runs: Run[] = [];
    if (only.has('switchover')) runs.push(...(await repeated(cluster, 'switchover', switchoverRuns, switchOver)));
    if (only.has('node')) runs.push(...(await repeated(cluster, 'node', nodeRuns, killNode)));
    if (only.has('freeze')) runs.push(...(await repeated(cluster, 'freeze', freezeRuns, freezeNode)));
    if (only.has('postgres')) runs.push(...(await postgresKilled(cluster, postgresRuns, false)));
    if (only.has('in-place')) runs.push(...(await postgresKilled(cluster, inPlaceRuns, true)));
    console.log(`${machineLine(machine)}\n`);
    console.log(`${summary(runs)}\n\n${details(runs)}`);
    console.log(`\n${saveJson('failover', { machine, runs })}`);
    return runs.some((run) => run.lost > 0) ? 1 : 0;
  } catch (error) {
    kept = true;
    throw error;
  } finally {
    if (kept) say(`the data stays in ${cluster.dataDirectory}`);
    await cluster.destroy(kept);
  }
}

function summary(runs: readonly Run[]): string {
  const rows = [...new Set(runs.map((run) => run.scenario))].map((scenario) => {
    const own = runs.filter((run) => run.scenario === scenario);
    const outages = own.map((run) => run.outageMs);
    return [
      scenario,
      own.length,
      median(outages),
      maximum(outages),
      own.filter((run) => run.outcome === 'failed over').length,
      own.reduce((sum, run) => sum + run.connectFailures, 0),
      own.reduce((sum, run) => sum + run.acknowledged, 0),
      own.reduce((sum, run) => sum + run.lost, 0),
    ];
  });
  return table(
    ['scenario', 'runs', 'median outage ms', 'max ms', 'failed over', 'failed connects', 'acknowledged', 'lost'],
    rows,
  );
}

function details(runs: readonly Run[]): string {
  return table(
    [
      'scenario',
      'run',
      'outage ms',
      'what happened',
      'leader too',
      'the other way',
      'healed ms',
      'commits/s',
      'phases ms',
      'notes',
    ],
    runs.map((run) => [
      run.scenario,
      run.run,
      run.outageMs,
      run.outcome,
      String(run.notes.leader ?? '–'),
      run.scenario === 'switchover' ? '–' : otherWay(run, runs),
      run.healedMs,
      run.commitsPerSecond,
      run.phases,
      Object.entries(run.notes)
        .filter(([name]) => name !== 'leader')
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    ]),
  );
}

process.exitCode = await main();
