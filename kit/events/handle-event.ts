import type { Tx } from "../db/database.ts";
import { type CallContext, runInContext } from "../rpc/call-context.ts";
import { fromTraceparent } from "../rpc/context-headers.ts";
import type { DurableSubscription, ReceivedEvent } from "./event.ts";
import { decodeEvent, type LoggedEvent } from "./event-reader.ts";

/**
 * Gives one event of the log to a subscription's handler, under the trace of the call that caused it and without that
 * call's rights. An event of a type that the subscription does not name is passed over. Rejects with what the handler
 * rejects with.
 */
export async function handleEvent(
  tx: Tx,
  subscription: DurableSubscription,
  row: LoggedEvent,
  marks: Pick<ReceivedEvent, "replayId"> = {},
): Promise<void> {
  const event = subscription.events.find(({ type }) => type === row.type);
  if (!event) return;
  await runInContext(contextOf(row), async () => subscription.handle(tx, { ...decodeEvent(row, event), ...marks }));
}

/** An error as it is kept beside the event that it befell. */
export function toErrorText(err: unknown): string {
  const text = err instanceof Error ? `${err.name}: ${err.message}` : String(err);
  return text.slice(0, errorTextLimit);
}

const errorTextLimit = 2_000;

function contextOf(row: LoggedEvent): CallContext {
  return { ...fromTraceparent(row.traceparent), caller: undefined, deadlineMs: undefined, locale: "en_US" };
}
