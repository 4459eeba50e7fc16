/** Which effect each kind of step has. Total by type: a step that nobody can run doesn't compile. */
import type { StepAction } from './core/steps';
import { unknownError } from './core/unknown-steps';
import * as membership from './membership-steps';
import * as node from './node-steps';
import * as primary from './primary-steps';
import * as promotion from './promotion-steps';
import * as settings from './settings-steps';
import * as slots from './slot-steps';
import type { StepRunner } from './step-context';

export const stepRunners: Readonly<Record<StepAction, StepRunner>> = {
  'check-target': primary.checkTarget,
  checkpoint: primary.checkpoint,
  drain: primary.drain,
  demote: primary.demote,
  'collect-promises': promotion.collectPromises,
  choose: async (context) => promotion.chooseMember(context),
  grant: promotion.grant,
  promote: promotion.promote,
  route: promotion.route,
  rejoin: promotion.rejoin,
  'set-wanted-stopped': node.setWantedStopped,
  'set-wanted-running': node.setWantedRunning,
  'stop-postgres': node.stopPostgres,
  'start-postgres': node.startPostgres,
  'restart-postgres': node.restartPostgres,
  'wait-streaming': node.waitStreaming,
  'wait-serving': node.waitServing,
  reclone: node.reclone,
  'set-maintenance': node.setMaintenance,
  'clear-maintenance': node.clearMaintenance,
  'register-node': membership.registerNode,
  'wait-agent': membership.waitAgent,
  'join-store': membership.joinStore,
  'leave-voter-set': membership.leaveVoterSet,
  'leave-store': membership.leaveStore,
  'delete-node': membership.deleteNode,
  'write-settings': settings.writeSettings,
  'apply-settings': settings.applySettings,
  'wait-voters': settings.waitVoters,
  'create-slot': slots.createSlot,
  'copy-slot': slots.copySlot,
  'drop-copies': slots.dropCopies,
  'drop-slot': slots.dropSlot,
  // The executor ends the operation before it comes to this.
  unknown: async ({ operation, step: stranger }) => {
    throw unknownError(operation, stranger) ?? new Error(`unknown step ${stranger.name}`);
  },
};
