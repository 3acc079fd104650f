import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import type { FailureKind } from "../errors/failure.ts";
import type { CallContext } from "./call-context.ts";

/** One call that may have changed something: who, what, for whom, how it ended. Nothing of what was said. */
export interface AuditRecord {
  /** `<service>.<operation>`. */
  readonly operation: string;
  /** The service that called; `operator` for the program itself and a person by hand. */
  readonly calledBy: string;
  /** On whose behalf; empty for the platform's own. */
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly sessionId: string;
  /** Who acted in the person's name; empty where nobody did. */
  readonly operatorId: string;
  /** `ok` or a gRPC status. */
  readonly code: FailureKind | "ok";
  readonly traceId: string;
  readonly requestId: string;
  readonly durationMs: number;
}

/** Keeps records. Called as each call ends, so it must neither throw nor wait. */
export type AuditSink = (record: AuditRecord) => void;

/** A sink that writes a line with `audit: true` for each record, to be collected from the log by it. */
export function createAuditLog(log: Logger): AuditSink {
  return ({ operation, calledBy, code, traceId, requestId, durationMs, ...record }) => {
    const { tenantId, userId, keyId, sessionId, operatorId } = record;
    const subject = { tenant_id: tenantId, user_id: userId, key_id: keyId, session_id: sessionId };
    const who = { called_by: calledBy, ...subject, ...(operatorId !== "" && { operator_id: operatorId }) };
    const ids = { trace_id: traceId, request_id: requestId };
    log.info({ audit: true, operation, ...who, code, ...ids, duration_ms: Math.round(durationMs) }, "audit");
  };
}

/** True unless the contract says that the method only reads (`idempotency_level = NO_SIDE_EFFECTS`). */
export function mayChangeState(method: DescMethod): boolean {
  return method.idempotency !== Level.NO_SIDE_EFFECTS;
}

/** True when the contract says that a repeat does no more than one call. */
export function isRepeatable(method: DescMethod): boolean {
  return method.idempotency !== Level.IDEMPOTENCY_UNKNOWN;
}

export function toAuditRecord(
  operation: string,
  context: CallContext,
  calledBy: string | undefined,
  end: Pick<AuditRecord, "code" | "durationMs">,
): AuditRecord {
  const { caller, traceId, requestId = "" } = context;
  const { tenantId = "", userId = "", keyId = "", sessionId = "", operatorId = "" } = caller ?? {};
  const who = { tenantId, userId, keyId, sessionId, operatorId };
  return { operation, calledBy: calledBy ?? "operator", ...who, traceId, requestId, ...end };
}
