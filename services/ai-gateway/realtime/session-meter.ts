import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { type EndedAs, type Ending, endWithoutCharge } from "../call/call.ts";
import type { TokenCounter } from "../call/count-tokens.ts";
import { createDispatch, type Dispatch } from "../call/dispatch.ts";
import { settleCall } from "../call/settle-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { fieldOf, type ReportedUsage } from "../dialects/openai/usage.ts";
import type { Funds } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import type { LimitPlace } from "../model-limits/model-limits.ts";
import { readUsageOf } from "../surfaces/read-units.ts";
import { surfaces } from "../surfaces/surface.ts";
import { heardUnitsOf } from "../surfaces/units.ts";
import type { ClientEvent } from "./client-event.ts";
import { addedBy, type Delivered, estimateUsage, noteDelta } from "./open-response.ts";
import { readRealtimeUsage } from "./realtime-usage.ts";
import { type Bound, createReserves, type Reserve, type Reserves, type ReservesOptions } from "./reserves.ts";
import { readFormats, usualFormats } from "./sound-format.ts";

/** Pays for a session as it runs: each of its responses, and each transcription, is one call with money of its own. */
export interface SessionMeter {
  /** Sets aside what the first response can take, and takes a place under the limits of its model until \`end\`. Rejects with billing's failure, and with `model_limited`. */
  begin(): Promise<void>;
  /**
   * Before an event of the client goes on: resolves when there is money for what may be answered then. Rejects with the failure that
   * ends the session, and with `model_limited` for a response that is asked for beyond a limit.
   */
  admit(event: ClientEvent): Promise<void>;
  /** Before an event of the provider goes on. Rejects with the failure that ends the session. */
  note(event: unknown): Promise<void>;
  /**
   * After the end of a response: another may begin that no event of the client announces. Rejects with billing's failure when there is
   * no money for it. While another is under way it is too early to say.
   */
  check(): Promise<void>;
  /** Settles what is open, and gives back the rest. Resolves when no charge can be lost any more. */
  end(outcome: "canceled" | "truncated"): Promise<void>;
  /** Whether a response is under way, or asked for. */
  readonly isAnswering: boolean;
}

interface OpenResponse {
  readonly operation: string;
  readonly target: Target;
  readonly funds: Funds;
  readonly limited: LimitPlace | undefined;
  readonly startedMs: number;
  readonly dispatch: Dispatch;
  readonly delivered: Delivered;
  /** What had been sent when it began. */
  readonly sentTokens: number;
  readonly likelyInputTokens: number;
}

export interface MeteredSession extends Pick<ReservesOptions, "target" | "caller" | "tags" | "requestId"> {
  readonly counter: Pick<TokenCounter, "estimateText">;
}

/** Events by which a response can begin that nobody asks for: sounds, where the provider hears when they end. */
const headroomTokens = 2_048;
/** A client may ask for several at once, apart from the conversation. */
const maxAsked = 8;
const heardHeadroomSeconds = 60;

export function createSessionMeter(deps: AiGatewayDeps, session: MeteredSession): SessionMeter {
  const { target, caller } = session;
  const { clock, random, funding, metrics, modelLimits, settings } = deps;
  const most: Bound = { inputTokens: settings.realtime.maxContextTokens };
  const shared = { funding, clock, random, ...session };
  const reserves = createReserves({ ...shared, most, headroom: { inputTokens: headroomTokens } });
  const open = new Map<string, OpenResponse>();
  let formats = usualFormats;
  /** What the conversation holds: as the provider said last, and what was sent since. */
  let base = 0;
  let sentMost = 0;
  let sentLikely = 0;
  let asked = 0;
  let transcriber: { readonly target: Target; readonly reserves: Reserves } | undefined;
  let heardSeconds = 0;
  let isOver = false;
  let place: LimitPlace | undefined;

  const boundOf = (): Bound => ({ inputTokens: Math.ceil(base + sentMost) });
  const ensure = () => reserves.ensure(1 + asked, boundOf());

  /** With a response under way its money comes back when it ends: who has none then has none. */
  async function requireMoney(): Promise<void> {
    for (;;) {
      try {
        await ensure();
        await requireTranscriptionMoney();
        return;
      } catch (err) {
        if (open.size === 0) throw err;
        await untilSettled();
      }
    }
  }

  let onSettled: (() => void) | undefined;
  function untilSettled(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = onSettled;
    onSettled = () => {
      before?.();
      resolve();
    };
    return promise;
  }

  async function requireTranscriptionMoney(): Promise<void> {
    const { most: fixed } = heardUnitsOf({ most: Math.max(1, Math.ceil(heardSeconds)), likely: 0 });
    await transcriber?.reserves.ensure(1, { inputTokens: 0, fixed });
  }

  function changeTranscriber(next: Target | undefined): void {
    if (next === transcriber?.target) return;
    transcriber?.reserves.end();
    if (!next) {
      transcriber = undefined;
      return;
    }
    const { most: headroom } = heardUnitsOf({ most: heardHeadroomSeconds, likely: 0 });
    const { most: limit } = heardUnitsOf({ most: 86_400, likely: 0 });
    transcriber = {
      target: next,
      reserves: createReserves({
        ...{ ...shared, target: next },
        ...{ most: { inputTokens: 0, fixed: limit }, headroom: { inputTokens: 0, fixed: headroom } },
      }),
    };
  }

  function enterLimits(of: Target): LimitPlace | undefined {
    try {
      return modelLimits.enter(of, caller, 0, of === target ? "within_session" : "attempt");
    } catch {
      // It has begun: what is over the limit is counted, and the next one is refused.
      return undefined;
    }
  }

  async function openAs({ drawn }: Reserve, of: Target): Promise<OpenResponse> {
    const funds = await drawn.begin();
    const startedMs = clock.monotonicMs();
    metrics.of(of).begin(startedMs);
    return {
      ...{ operation: of === target ? "realtime" : surfaces.transcriptions.operation, target: of, funds, startedMs },
      ...{ limited: enterLimits(of), dispatch: createDispatch(1) },
      ...{ delivered: { text: "", soundBytes: 0 }, sentTokens: sentMost, likelyInputTokens: base + sentLikely },
    };
  }

  async function begin(id: string): Promise<void> {
    if (open.has(id)) return;
    let reserve = reserves.take();
    if (!reserve) {
      // More were begun than asked for.
      await ensure();
      reserve = reserves.take();
    }
    if (!reserve) throw new Failure(aiGatewayFailures.upstream_failed, { model: target.model.name });
    asked = Math.max(0, asked - 1);
    const one = await openAs(reserve, target);
    open.set(id, one);
    if (isOver) return settle(id, one, endWithoutCharge("canceled"));
    // For the next one, while this one is answered. Whoever needs it asks again.
    ensure()?.catch(() => undefined);
  }

  const estimate = ({ delivered, likelyInputTokens }: OpenResponse): Promise<ReportedUsage> =>
    estimateUsage(delivered, likelyInputTokens, formats.output, session.counter.estimateText);

  async function settle(id: string, one: OpenResponse, ending: Ending): Promise<void> {
    open.delete(id);
    try {
      await settleCall(deps, one, ending, () => estimate(one));
    } finally {
      onSettled?.();
      onSettled = undefined;
    }
  }

  /** What was delivered, where the provider did not say; nothing where that is nothing. */
  async function endByEstimate(one: OpenResponse, outcome: EndedAs): Promise<Ending> {
    const { text, soundBytes } = one.delivered;
    if (text === "" && soundBytes === 0) return endWithoutCharge(outcome);
    return { outcome, tokens: await estimate(one), isEstimated: true };
  }

  async function finish(response: unknown): Promise<void> {
    const id = String(fieldOf(response, "id"));
    const one = open.get(id);
    if (!one) return;
    one.dispatch.unanswered = 0;
    const tokens = readRealtimeUsage(fieldOf(response, "usage"));
    const outcome = outcomeOf(fieldOf(response, "status"), tokens);
    one.dispatch.failure = new Failure(aiGatewayFailures.upstream_failed, { model: one.target.model.name });
    const ending = tokens ? { outcome, tokens, isEstimated: false } : await endByEstimate(one, outcome);
    noteContext(response, one, tokens);
    await settle(id, one, ending);
  }

  /** One that is apart from the conversation says nothing of what that holds. */
  function noteContext(response: unknown, one: OpenResponse, tokens: ReportedUsage | undefined): void {
    if (fieldOf(response, "conversation_id") === null || !tokens) return;
    const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(tokens);
    const since = Math.max(0, sentMost - one.sentTokens);
    sentLikely = sentMost === 0 ? 0 : (sentLikely * since) / sentMost;
    sentMost = since;
    base = Number(inputTokens + cachedInputTokens + outputTokens);
  }

  /** A transcription is heard of when it is done: it is paid for at the price of the model that made it. */
  async function chargeTranscription(event: unknown): Promise<void> {
    const by = transcriber ?? { target, reserves };
    let reserve = by.reserves.take();
    if (!reserve) {
      await (transcriber ? requireTranscriptionMoney() : ensure());
      reserve = by.reserves.take();
    }
    if (!reserve) throw new Failure(aiGatewayFailures.upstream_failed, { model: by.target.model.name });
    const one = await openAs(reserve, by.target);
    one.dispatch.unanswered = 0;
    const units = heardUnitsOf({ most: Math.ceil(heardSeconds), likely: Math.ceil(heardSeconds) });
    const tokens = readUsageOf({ surface: "transcriptions", units }, event);
    const estimated = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, otherBuckets: units.likely };
    heardSeconds = 0;
    await settle("", one, { outcome: "completed", tokens: tokens ?? estimated, isEstimated: !tokens });
  }

  return {
    async begin() {
      place = modelLimits.enter(target, caller, 0, "session");
      await ensure();
    },
    async admit(event) {
      const isResponse = event.type === "response.create";
      if (isResponse) {
        modelLimits.enter(target, caller, 0, "within_session")?.cancel();
        asked = Math.min(maxAsked, asked + 1);
      }
      if (event.transcriber !== null) changeTranscriber(event.transcriber);
      const added = addedBy(event, formats.input);
      sentMost += added.mostTokens;
      sentLikely += added.likelyTokens;
      heardSeconds += event.soundBytes / formats.input;
      try {
        await requireMoney();
      } catch (err) {
        if (isResponse) asked = Math.max(0, asked - 1);
        throw err;
      }
    },
    async note(event) {
      const type = fieldOf(event, "type");
      if (typeof type !== "string") return;
      const response = fieldOf(event, "response");
      if (type === "response.created") await begin(String(fieldOf(response, "id")));
      else if (type === "response.done") await finish(response);
      else if (type === "session.created" || type === "session.updated") {
        formats = readFormats(fieldOf(event, "session"), formats);
      } else if (type === "conversation.item.input_audio_transcription.completed") await chargeTranscription(event);
      else if (type === "error") asked = Math.max(0, asked - 1);
      else {
        const one = open.get(String(fieldOf(event, "response_id")));
        if (one) one.dispatch.firstTokenAtMs ??= clock.monotonicMs();
        if (one) noteDelta(one.delivered, type, fieldOf(event, "delta"));
      }
    },
    async check() {
      if (open.size === 0 && !isOver) await requireMoney();
    },
    async end(outcome) {
      isOver = true;
      place?.cancel();
      reserves.end();
      transcriber?.reserves.end();
      const left = [...open];
      for (const [, { dispatch, target: of }] of left) {
        dispatch.failure = new Failure(aiGatewayFailures.upstream_truncated, { model: of.model.name });
      }
      await Promise.all(left.map(async ([id, one]) => settle(id, one, await endByEstimate(one, outcome))));
    },
    get isAnswering() {
      return open.size > 0 || asked > 0;
    },
  };
}

/** What failed and was counted all the same is charged, as the provider does. */
function outcomeOf(status: unknown, tokens: ReportedUsage | undefined): EndedAs {
  if (status === "cancelled") return "canceled";
  if (status !== "failed") return "completed";
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(
    tokens ?? { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n },
  );
  return inputTokens + cachedInputTokens + outputTokens > 0n ? "truncated" : "failed";
}

/** True for a refusal of one response that leaves the session as it is. */
export function isOfResponse(err: unknown): boolean {
  return (
    isFailure(err, aiGatewayFailures.model_limited) ||
    isFailure(err, aiGatewayFailures.invalid_request) ||
    isFailure(err, aiGatewayFailures.invalid_json)
  );
}
