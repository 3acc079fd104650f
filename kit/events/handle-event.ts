import type { Tx } from "../db/database.ts";
import { inSpan, type Tracer } from "../observability/tracing.ts";
import { type CallContext, runInContext } from "../rpc/call-context.ts";
import { fromTraceparent, isTraceparent } from "../rpc/context-headers.ts";
import type { DurableSubscription, ReceivedEvent } from "./event.ts";
import { decodeEvent, type LoggedEvent } from "./event-reader.ts";

/**
 * Gives one event of the log to a subscription's handler, under the trace of the call that caused it and without that
 * call's rights; what the handler says names the operator in whose act it began. An event of a type that the subscription does not name is passed over. Rejects with what the handler
 * rejects with.
 */
export async function handleEvent(
  tx: Tx,
  subscription: DurableSubscription,
  row: LoggedEvent,
  marks: Pick<ReceivedEvent, "replayId"> = {},
  tracer?: Tracer | undefined,
): Promise<void> {
  const event = subscription.events.find(({ type }) => type === row.type);
  if (!event) return;
  const handle = async () => {
    await subscription.handle(tx, { ...decodeEvent(row, event), ...marks });
    // Of the outbox, for the rest of the transaction: others' events share it.
    if (row.operator !== "") await tx`select set_config('lyss.operator', '', true)`;
  };
  const context = contextOf(row);
  if (!tracer) return runInContext(context, handle);
  const attributes = { "messaging.message.id": row.id, "messaging.destination.name": row.type };
  const isOrphan = !isTraceparent(row.traceparent);
  const span = { kind: "consumer", attributes, isOrphan } as const;
  await runInContext({ ...context, tracer }, () => inSpan(`process ${row.type}`, handle, span));
}

/** An error as it is kept beside the event that it befell. */
export function toErrorText(err: unknown): string {
  const text = err instanceof Error ? `${err.name}: ${err.message}` : String(err);
  return text.slice(0, errorTextLimit);
}

const errorTextLimit = 2_000;

function contextOf(row: LoggedEvent): CallContext {
  const operatorId = row.operator || undefined;
  return { ...fromTraceparent(row.traceparent), caller: undefined, operatorId, deadlineMs: undefined, locale: "en_US" };
}
