/**
 * Change PostgreSQL settings of a group. Those that a reload applies are done on every member; those that need a restart roll: standbys first, one
 * at a time and only while the others acknowledge, then a switchover, then the old primary. What standbys must not have lower than the primary is
 * lowered the other way round: the primary first, in place.
 */
import type { StandbyParameter } from '../../cluster/core/standby-parameters';
import type { Check } from '../model';
import { check, controlQuorum, noOperationRunning, primaryServes } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, groupNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { switchoverFirst } from './plan-primary-away';
import { standbyFloorDefaults } from './restart-settings';
import { membersFit, needsRestart, serversAccept, settingsChecks } from './settings-checks';
import { slotsSurvive, touchSlots } from './slot-checks';
import { type ClusterSnapshot, type GroupSnapshot, isFresh, primaryOf, standbysOf } from './snapshot';
import { step } from './steps';

export const changeSettings = defineOperation<'change-settings'>({
  kind: 'change-settings',
  holds: { group: 'text', settings: 'map' },
  plan: planChangeSettings,
  concernsSlots: ({ settings }) => touchSlots(settings),
  settings: ({ settings }) => settings,
});

function planChangeSettings(
  request: RequestOf<'change-settings'>,
  snapshot: ClusterSnapshot,
  context: PlanContext,
): Plan {
  const group = snapshot.groups.get(request.group);
  if (!group) return groupNotFound(request.group);
  const restarting = needsRestart(request.settings);
  const lowered = restarting.filter((name) => isLowered(name, request.settings[name] ?? null, group));
  const raised = restarting.filter((name) => isRaised(name, request.settings[name] ?? null, group));
  const rolling = restarting.length > 0 ? rollingRestart(snapshot, group, { ...context, lowered }) : null;
  const badNames = [
    ...settingsChecks(request.settings, context.knownSettings ?? null, context.admin),
    ...membersFit(request.settings, group.members.length),
    ...serversAccept(request.settings, group, context.verdicts),
  ];
  const checks = [
    controlQuorum(snapshot),
    noOperationRunning(snapshot, group),
    ...badNames,
    ...oneDirection(lowered, raised),
    ...slotsSurvive(request.settings, context.slots),
    primaryServes(group, primaryOf(group), snapshot.config.leaseMs),
    check('no-restart-needed', restarting.length === 0, {
      severity: 'info',
      measured: restarting.join(', ') || 'none',
      limit: 'none',
      remedy: 'Members restart one after the other; sessions on the primary end once, at the switchover.',
    }),
    ...(rolling?.checks ?? []),
  ];
  const refusal = refusalFrom(checks, {
    message: `Settings of ${request.group} can't be changed`,
    extraReasons: rolling?.reasons ?? [],
  });
  return {
    ...emptyPlan,
    group: request.group,
    epoch: group.record.epoch,
    steps: [step('write-settings'), ...applySteps(snapshot, group), ...(rolling?.steps ?? [])],
    checks,
    candidates: rolling?.candidates ?? [],
    chosen: rolling?.successor ?? null,
    expectedPauseMs: rolling?.expectedPauseMs ?? 0,
    bytesAtRisk: 0,
    refusal:
      refusal && badNames.some((entry) => !entry.ok && entry.severity === 'blocker')
        ? { ...refusal, code: 'INVALID_INPUT' }
        : refusal,
  };
}

/** Reachable members, standbys first; the others apply the record when they come back. */
export function applySteps(snapshot: ClusterSnapshot, group: GroupSnapshot) {
  return rollOrder(snapshot, group).map((id) => step('apply-settings', id, { suffix: id }));
}

function rollOrder(snapshot: ClusterSnapshot, group: GroupSnapshot): readonly string[] {
  const { leaseMs } = snapshot.config;
  const standbys = standbysOf(group).filter((member) => isFresh(member, leaseMs) && member.record.wanted === 'running');
  const primary = primaryOf(group);
  return [...standbys, ...(primary ? [primary] : [])].map((member) => member.record.id);
}

/** Lowering begins at the primary, raising at the standbys: whichever way a plan began that does both, replay of a standby would stop. */
function oneDirection(lowered: readonly string[], raised: readonly string[]): readonly Check[] {
  if (lowered.length === 0 || raised.length === 0) return [];
  return [
    check('one-direction', false, {
      measured: `lower: ${lowered.join(', ')}; higher: ${raised.join(', ')}`,
      limit: 'only lower, or only higher',
      remedy: `Standbys must not have less of these than the primary, so lowering starts there and raising at the standbys: change ${raised.join(', ')} first, then ${lowered.join(', ')}.`,
    }),
  ];
}

function isLowered(name: string, value: string | null, group: GroupSnapshot): boolean {
  const [next, now] = parameterChange(name, value, group);
  return next < now;
}

function isRaised(name: string, value: string | null, group: GroupSnapshot): boolean {
  const [next, now] = parameterChange(name, value, group);
  return next > now;
}

/** NaN, which is neither less nor more, for settings that standbys may have lower. What runs counts more than what is recorded. */
function parameterChange(name: string, value: string | null, group: GroupSnapshot): readonly [number, number] {
  const usual = standbyFloorDefaults(group.members.length).get(name);
  if (usual === undefined) return [Number.NaN, Number.NaN];
  const running = primaryOf(group)?.report?.postgres.parameters?.running[name as StandbyParameter];
  return [Number(value ?? usual), running ?? Number(group.record.settings[name] ?? usual)];
}

/** Standbys, switchover, old primary; with something lowered, the primary in place first. */
export function rollingRestart(
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  context: PlanContext & { readonly lowered: readonly string[] },
) {
  const order = rollOrder(snapshot, group);
  const primary = group.record.primary;
  const standbys = order.filter((id) => id !== primary);
  const standbySteps = standbys.flatMap((id) => [
    step('restart-postgres', id, { suffix: id }),
    step('wait-streaming', id, { suffix: id }),
  ]);
  if (primary === null)
    return { steps: standbySteps, checks: [], reasons: [], candidates: [], successor: null, expectedPauseMs: 0 };
  if (standbys.length === 0) {
    return {
      steps: [
        step('restart-postgres', primary, { suffix: primary }),
        step('wait-serving', primary, { suffix: primary }),
      ],
      checks: [
        check('has-standby', false, {
          severity: 'warning',
          measured: '0 standbys',
          limit: '1',
          remedy: 'Without a standby the primary restarts in place: writes pause for the restart.',
        }),
      ],
      reasons: [],
      candidates: [],
      successor: null,
      expectedPauseMs: 3_000,
    };
  }
  if (context.lowered.length > 0) {
    return {
      steps: [
        step('restart-postgres', primary, { suffix: primary }),
        step('wait-serving', primary, { suffix: primary }),
        ...standbySteps,
      ],
      checks: [
        check('primary-restarts-first', false, {
          severity: 'warning',
          node: primary,
          measured: `lower: ${context.lowered.join(', ')}`,
          limit: 'not lower',
          remedy:
            'Standbys must not have less than the primary: it restarts first, in place, and writes pause for the restart.',
        }),
      ],
      reasons: [],
      candidates: [],
      successor: null,
      expectedPauseMs: 3_000,
    };
  }
  const first = switchoverFirst(snapshot, group, context);
  return {
    ...first,
    steps: [
      ...standbySteps,
      ...first.steps,
      step('restart-postgres', primary, { suffix: primary }),
      step('wait-streaming', primary, { suffix: primary }),
    ],
  };
}
