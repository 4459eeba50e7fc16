/** One reading of a failed call, whatever transport it came over. Mirrors the error body of the public API. */

export type FailureReason = {
  readonly rule: string;
  readonly measured: string | null;
  readonly limit: string | null;
  readonly remedy: string;
  readonly node?: string;
};

export type Failure = {
  readonly code: string;
  readonly message: string;
  readonly clusterCode: string | null;
  readonly requestId: string | null;
  readonly reasons: readonly FailureReason[];
  /** The remaining details, such as the new plan after a 412. */
  readonly details: Readonly<Record<string, unknown>>;
};

export function failureOf(error: unknown): Failure {
  const data = record(record(error).data);
  const body = record(data.body ?? data.error ?? data);
  const details = record(body.details);
  return {
    code: text(body.code) ?? text(data.code) ?? 'INTERNAL',
    message: text(body.message) ?? (error instanceof Error ? error.message : String(error)),
    clusterCode: text(details.cluster_code),
    requestId: text(body.request_id),
    reasons: Array.isArray(details.reasons) ? details.reasons.map(reasonOf) : [],
    details,
  };
}

function reasonOf(value: unknown): FailureReason {
  const reason = record(value);
  const node = text(reason.node);
  return {
    rule: text(reason.rule) ?? 'unknown',
    measured: text(reason.measured),
    limit: text(reason.limit),
    remedy: text(reason.remedy) ?? '',
    ...(node === null ? {} : { node }),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
}
