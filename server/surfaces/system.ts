/** Addresses for machines that watch us: /healthz, /readyz, /metrics, and the OpenAPI document. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serviceTroubleWords } from '@/engine/cluster/core/service-trouble';
import { ClusterError } from '@/engine/kernel/errors';
import { requireRole } from '@/server/auth/authorise';
import { scopeOf } from '@/server/auth/group-scope';
import { clusterWide } from '@/server/auth/scoped-engine';
import type { EngineClient } from '@/server/engine-client/api';
import { toClusterError } from '@/server/errors/wire';
import { isProtected } from '@/server/telemetry/protection';
import { callFor, clientAddressOf, type Services } from './calls';
import { recordBreakGlass } from './invoke';
import { buildOpenApi } from './openapi/document';
import { sendError, sendJson, sendText } from './rest/send';

export type SystemOptions = { readonly metricsAnonymousOnLoopback: boolean };

export const systemPaths = ['/healthz', '/readyz', '/metrics', '/api/v1/openapi.json'] as const;

/** A group whose commits wait is not ready, whatever its primary says. */
export function readiness(engine: EngineClient): {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** What does not stop writes but should be looked at. */
  readonly warnings: readonly string[];
  readonly groups: readonly {
    readonly name: string;
    readonly writable: boolean;
    /** A standby is sure to have what was acknowledged, so the primary may fail. Says nothing about ready: writes go on without. */
    readonly protected: boolean;
    readonly waiting_commits: number;
    /** Its primary lets applications in and answers; where that is not so, writable says only that it may write. */
    readonly serving: boolean;
  }[];
} {
  let current: ReturnType<EngineClient['current']>;
  try {
    current = engine.current();
  } catch {
    return { ready: false, reasons: ['No node has answered yet'], warnings: [], groups: [] };
  }
  const { view, ageMs } = current;
  const groups = view.groups.map((group) => {
    const primary = view.nodes.find((node) => node.record.id === group.record.primary)?.report?.postgres;
    return {
      name: group.record.name,
      writable: group.writable,
      protected: isProtected(group),
      waiting_commits: primary?.waitingCommits ?? 0,
      serving: group.writable && !primary?.serviceTrouble,
      unserving: primary?.serviceTrouble
        ? `${group.record.primary} of ${group.record.name}: ${serviceTroubleWords(primary.serviceTrouble).sentence}`
        : null,
      // Commits always wait a moment; they are stuck when nobody is there to answer.
      stuck:
        (primary?.waitingCommits ?? 0) > 0 &&
        group.record.voterSet.k > 0 &&
        !hasEnoughStandbys(view, group.record.name),
    };
  });
  const reasons = [
    ...(groups.length === 0 ? ['There is no group yet'] : []),
    ...(ageMs > view.config.leaseMs * 2 ? [`The view is ${Math.round(ageMs)} ms old`] : []),
    ...groups.filter((group) => !group.writable).map((group) => `${group.name} has no writable primary`),
    ...groups.flatMap((group) => (group.writable && group.unserving ? [group.unserving] : [])),
    ...groups.filter((group) => group.stuck).map((group) => `commits of ${group.name} wait for a standby`),
  ];
  const { hasQuorum, quorumSize, configuration } = view.raft;
  const unprotected = groups
    .filter((group) => group.writable && !group.protected)
    .map(
      (group) => `${group.name} is writable but not protected: if its primary fails, acknowledged writes may be lost`,
    );
  const noMajority = hasQuorum
    ? []
    : [
        `The control store has no majority (${quorumSize} of ${configuration.voters.length} voters are needed): nothing can be changed; groups whose voters all confirm go on writing`,
      ];
  const warnings = [...noMajority, ...unprotected];
  return {
    ready: reasons.length === 0,
    reasons,
    warnings,
    groups: groups.map(({ stuck: _stuck, unserving: _unserving, ...group }) => group),
  };
}

function hasEnoughStandbys(view: ReturnType<EngineClient['current']>['view'], name: string): boolean {
  const group = view.groups.find((one) => one.record.name === name)!;
  const primary = view.nodes.find((node) => node.record.id === group.record.primary)?.report?.postgres;
  const streaming = (primary?.senders ?? []).filter(
    (sender) => sender.state === 'streaming' && group.record.voterSet.members.includes(sender.applicationName),
  );
  return streaming.length >= group.record.voterSet.k;
}

let openApiText: string | null = null;

export async function handleSystem(
  services: Services,
  options: SystemOptions,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const error = new ClusterError('METHOD_NOT_ALLOWED', `${path} takes GET`);
    return sendError(request, response, error, requestId, { Allow: 'GET, HEAD' });
  }
  try {
    if (path === '/healthz') return sendJson(request, response, 200, { status: 'ok', pid: process.pid });
    if (path === '/readyz') {
      const state = readiness(services.engine);
      return sendJson(request, response, state.ready ? 200 : 503, {
        status: state.ready ? 'ready' : 'not ready',
        ...state,
      });
    }
    const onLoopback = ['127.0.0.1', '::1'].includes(clientAddressOf(request));
    if (path !== '/metrics' || !(options.metricsAnonymousOnLoopback && onLoopback)) {
      const call = await callFor(services, request, { surface: 'rest', requestId, response });
      await services.gate.limits.consume('node', call.identity, call.clientAddress);
      requireRole(call.identity, 'viewer', path);
      if (path === '/metrics' && scopeOf(call.identity) !== null) throw clusterWide(path);
      await recordBreakGlass(call, path);
    }
    if (path === '/metrics') {
      const { contentType, body } = await services.gate.metrics.text();
      return sendText(request, response, 200, body, { 'Content-Type': contentType });
    }
    openApiText ??= JSON.stringify(buildOpenApi());
    sendText(request, response, 200, openApiText, { 'Content-Type': 'application/json; charset=utf-8' });
  } catch (thrown) {
    sendError(request, response, toClusterError(thrown), requestId);
  }
}
