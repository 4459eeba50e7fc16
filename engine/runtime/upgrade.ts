/**
 * `npm run upgrade`: replaces the running processes of this host by those of this release, one at a time, under load. Without `--apply` it only says
 * what it would do. Stops at the first thing that is not as it should be, and goes on from there when it is run again.
 */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { inForce } from '../cluster/core/level';
import { keys, type LevelRecord } from '../cluster/model';
import type { Json } from '../control/store';
import type { EngineConnection } from '../interconnect/engine-connection';
import { delay } from '../kernel/async';
import { isClusterError, messageOf } from '../kernel/errors';
import { createLogger } from '../kernel/log';
import { firstLevel, ownLevel, release, releaseOfLevel } from '../kernel/release';
import { planUpgrade, titleOf, type UpgradePlan, type UpgradeStep } from './core/upgrade-plan';
import { StartError } from './data-directory';
import { lookAround, openDoor } from './upgrade-look';
import { settled, takeStep } from './upgrade-steps';

const usage = `npm run upgrade -- [options]

  (none)          what would be done, and whether it may be
  --apply         do it, step by step
  --only NAME     only this node, or router, or server; may be given more than once
  --again         also what runs this release already: restarts everything in the same order
  --hold          until --finish is given, every node may go back to the release it came from
  --finish        end that: the cluster's level rises once every process is of this release`;

const requestMs = 10_000;
const levelWaitMs = 30_000;

type Options = {
  readonly apply: boolean;
  readonly only: readonly string[] | null;
  readonly hold: boolean;
  readonly again: boolean;
  readonly finish: boolean;
};

function optionsFrom(words: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        apply: { type: 'boolean' },
        only: { type: 'string', multiple: true },
        hold: { type: 'boolean' },
        again: { type: 'boolean' },
        finish: { type: 'boolean' },
      },
    });
    if (values.hold && values.finish) throw new Error('--hold and --finish exclude each other');
    return {
      apply: values.apply ?? false,
      only: values.only ?? null,
      hold: values.hold ?? false,
      again: values.again ?? false,
      finish: values.finish ?? false,
    };
  } catch (error) {
    throw new StartError(`${messageOf(error)}\n\n${usage}`);
  }
}

async function main(): Promise<number> {
  const options = optionsFrom(process.argv.slice(2));
  const dataDirectory = resolve(process.env.RUSTYDB_DATA_DIR || './data');
  const logger = createLogger('upgrade');
  logger.level = 'silent';
  const connection = await openDoor(dataDirectory, logger);
  try {
    if (options.hold) await changeHold(connection, { by: userInfo().username, at: new Date().toISOString() });
    if (options.finish) await changeHold(connection, null);
    const before = (await lookAround(connection, dataDirectory, null)).processes.map(({ pid }) => pid);
    const again = new Set(options.again ? before : []);
    const plan = async (): Promise<UpgradePlan> =>
      planUpgrade({ ...(await lookAround(connection, dataDirectory, options.only)), again });
    const first = await plan();
    print(first);
    if (!options.apply) return first.troubles.length === 0 || first.steps.length === 0 ? 0 : 1;
    await applyAll(first, { connection, dataDirectory, requestedBy: `upgrade by ${userInfo().username}`, plan });
    await tellLevel(connection);
    return 0;
  } finally {
    await connection.stop();
  }
}

async function applyAll(first: UpgradePlan, world: Parameters<typeof takeStep>[1]): Promise<void> {
  const done = new Set<string>();
  for (let plan = first; plan.steps.length > 0; plan = await world.plan()) {
    if (plan.troubles.length > 0) throw new StartError(`Stopped before the next step.\n${list(plan.troubles)}`);
    const step = plan.steps[0] as UpgradeStep;
    const title = titleOf(step);
    if (done.has(title))
      throw new StartError(
        `"${title}" was done and is still due: the launcher starts programs of another release. Is it of this one?`,
      );
    const begun = performance.now();
    process.stdout.write(`${title} … `);
    try {
      await takeStep(step, world);
    } catch (error) {
      throw new StartError(
        `stopped.\n${list(whyOf(error))}\nPut that right and run the command again: it goes on from here.`,
      );
    }
    done.add(title);
    console.log(`done in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  }
  await settled(world);
}

/** A refused switchover says why, per rule and member. */
function whyOf(error: unknown): readonly string[] {
  const reasons = isClusterError(error) ? (error.details.reasons ?? []) : [];
  return [
    ...messageOf(error).split('\n'),
    ...reasons.map(({ rule, measured, remedy }) => `${rule} is ${measured}. ${remedy}`),
  ];
}

function print(plan: UpgradePlan): void {
  if (plan.steps.length === 0) console.log(`Every process that was named runs release ${release}.`);
  else {
    console.log(`To release ${release}, in ${plan.steps.length} step${plan.steps.length === 1 ? '' : 's'}:`);
    for (const [at, step] of plan.steps.entries())
      console.log(`${String(at + 1).padStart(3)}. ${titleOf(step)}: ${step.effect}.`);
  }
  if (plan.troubles.length > 0 && plan.steps.length > 0) console.log(`Not yet, because:\n${list(plan.troubles)}`);
}

function list(sentences: readonly string[]): string {
  return sentences.map((sentence) => `  - ${sentence}`).join('\n');
}

async function changeHold(connection: EngineConnection, hold: LevelRecord['hold']): Promise<void> {
  const entry = await connection.requestLeader('store.get', { key: keys.level }, requestMs);
  const record = (entry?.value ?? null) as LevelRecord | null;
  if (hold !== null && inForce(record) >= ownLevel)
    throw new StartError(
      `The cluster is at level ${inForce(record)} already: nobody can go back to a release before ${releaseOfLevel(ownLevel)}.`,
    );
  const base = record ?? {
    level: firstLevel,
    sealing: null,
    release: releaseOfLevel(firstLevel),
    at: new Date().toISOString(),
  };
  const result = await connection.requestLeader(
    'store.txn',
    {
      compare: [{ key: keys.level, modRevision: entry?.modRevision ?? 0 }],
      mutations: [{ kind: 'put', key: keys.level, value: { ...base, hold } as unknown as Json }],
    },
    requestMs,
  );
  if (!result.succeeded) throw new StartError('The level of the cluster changed meanwhile. Look again and repeat.');
}

async function tellLevel(connection: EngineConnection): Promise<void> {
  const until = performance.now() + levelWaitMs;
  for (;;) {
    const entry = await connection.requestLeader('store.get', { key: keys.level }, requestMs);
    const record = (entry?.value ?? null) as LevelRecord | null;
    const level = inForce(record);
    if (level >= ownLevel || record?.hold || performance.now() > until) {
      console.log(levelSentence(level, record));
      return;
    }
    await delay(250);
  }
}

function levelSentence(level: number, record: LevelRecord | null): string {
  if (level >= ownLevel)
    return `The cluster is at level ${level}: releases before ${releaseOfLevel(ownLevel)} can't start on this data any more.`;
  if (record?.hold)
    return `The cluster stays at level ${level}: ${record.hold.by} holds it since ${record.hold.at}. End that with --finish.`;
  return `The cluster is at level ${level}. It rises by itself once every node and every console, router and launcher is of release ${release}.`;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exit(error instanceof StartError ? 1 : 2);
  },
);
