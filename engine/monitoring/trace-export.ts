/**
 * Sends spans to a collector by OTLP over HTTP, when the environment names one (the variables of the OpenTelemetry specification). The exporter is
 * loaded only then. Invariants: without OTEL_EXPORTER_OTLP_ENDPOINT nothing of it is loaded and nothing is followed; a collector that is slow or gone
 * costs spans (the queue is bounded, OTEL_BSP_MAX_QUEUE_SIZE), never a call; once stopped, nothing of it is left registered in the process.
 */
import { context, DiagLogLevel, diag, trace } from '@opentelemetry/api';
import { withTimeout } from '../kernel/async';
import type { Logger } from '../kernel/log';
import { spansAreExported } from '../kernel/tracing';

export type TraceSource = {
  /** What kind of process: `console`, `agent`. */
  readonly process: string;
  /** Which one of its kind: a node's name. */
  readonly instance: string;
  readonly cluster: string;
};

export type TraceExport = { stop(): Promise<void> };

const flushMs = 2000;
const off: TraceExport = { stop: async () => undefined };

type Environment = Readonly<Record<string, string | undefined>>;

export function tracesAreWanted(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false;
  if (env.OTEL_TRACES_EXPORTER !== undefined && env.OTEL_TRACES_EXPORTER.trim() !== 'otlp') return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

export async function startTraceExport(source: TraceSource, logger: Logger): Promise<TraceExport> {
  const { env } = process;
  if (!tracesAreWanted(env)) return off;
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const warn = (message: string) => logger.warn({ message }, 'traces can’t be exported');
  const quiet = () => undefined;
  diag.setLogger({ error: warn, warn, info: quiet, debug: quiet, verbose: quiet }, { logLevel: DiagLogLevel.WARN });
  const provider = new sdk.NodeTracerProvider({
    resource: resourceFromAttributes({
      'service.name': env.OTEL_SERVICE_NAME || `rustydb-${source.process}`,
      'service.namespace': source.cluster,
      'service.instance.id': source.instance,
      'rustydb.process': source.process,
    }),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  // Between processes the trace context travels in our own messages: no propagator is needed.
  provider.register({ propagator: null });
  spansAreExported(true);
  logger.info({ sampler: env.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on' }, 'traces are exported');
  return {
    async stop() {
      spansAreExported(false);
      await withTimeout(provider.shutdown(), flushMs, 'the last export of traces').catch((error: unknown) => {
        logger.warn({ err: error }, 'the last traces were not exported');
      });
      for (const registered of [trace, context, diag]) registered.disable();
    },
  };
}
