import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, type Locale } from "@lyss/kit/errors/failure.ts";
import { toErrorObject } from "../dialects/openai/failure-reply.ts";
import { toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import { fieldOf } from "../dialects/openai/usage.ts";

/** An `error` event of the realtime dialect. `refersTo` is the client's id of the event that it answers. */
export function toErrorEvent(
  failure: Failure,
  { eventId, refersTo, locale }: { readonly eventId: string; readonly refersTo: unknown; readonly locale: Locale },
): string {
  const { error } = toErrorObject(failure, locale);
  const event_id = typeof refersTo === "string" ? refersTo : null;
  return JSON.stringify({ type: "error", event_id: eventId, error: { ...error, event_id } });
}

/** What a provider's own `error` event stands for. Its words that are safe go on, its sentences do not (docs/adr/0020). */
export function readErrorEvent(
  model: string,
  event: unknown,
): { readonly failure: Failure; readonly refersTo: unknown } {
  const error = fieldOf(event, "error");
  const refersTo = fieldOf(error, "event_id");
  const isOurs = fieldOf(error, "type") === "server_error";
  const failure = isOurs
    ? new Failure(aiGatewayFailures.upstream_failed, { model })
    : toUpstreamFailure({ model, status: 400, body: event, retryAfterMs: undefined });
  return { failure, refersTo };
}
