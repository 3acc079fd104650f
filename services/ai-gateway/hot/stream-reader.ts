import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createTimerEntry } from "@lyss/kit/service/timer-wheel.ts";
import { type EndedAs, type Ending, endWithCharge, endWithoutCharge } from "../call/call.ts";
import { counterFor } from "../call/count-tokens.ts";
import { createProgress, maxKeptLength, toCallerEvent } from "../call/relay-stream.ts";
import { doneEvent, passThrough } from "../dialects/openai/pass-through.ts";
import { toEvent } from "../dialects/openai/sse.ts";
import { createDeliveredText } from "../scan/delivered-text.ts";
import { createStreamScanner } from "../scan/scan-stream.ts";
import { headOf } from "./admitted.ts";
import type { BodyReader, RelayedCall } from "./body-reader.ts";
import { streamHead } from "./hot-keep-alive.ts";

/**
 * Relays a stream event by event, as `relayStream` does: what ends it leaves only after the charge is committed, and only
 * behind a complete answer. Events pass as the bytes that came; what comes together leaves in one write.
 */
export function createStreamReader(call: RelayedCall): BodyReader {
  const { deps, admitted, exchange } = call;
  const { request, target } = admitted;
  const { upstreamName } = target.model;
  const isAlias = upstreamName !== request.model;
  const aliasText = isAlias ? Buffer.from(JSON.stringify(request.model)) : undefined;
  const writer = passThrough(request.model, upstreamName, request.wantsUsage);
  const scanner = createStreamScanner(deps.settings.maxEventBytes);
  const delivered = createDeliveredText(maxKeptLength);
  const progress = createProgress();
  const stall = createTimerEntry(() => {
    // A caller that stopped reading is as good as gone.
    exchange.destroy();
    call.leave();
  });
  let finished = 0;
  let counting: Promise<void> | undefined;
  let isWhole = false;
  /** What is to leave, in order: bytes of the caller's. */
  let pieces: Buffer[] = [];
  /** The part of `from` that is passed on as it is and is not in `pieces` yet. */
  let from: Buffer | undefined;
  let start = 0;
  let end = 0;

  function pass(bytes: Buffer, eventStart: number, eventEnd: number): void {
    if (from === bytes && end === eventStart) {
      end = eventEnd;
      return;
    }
    closePiece();
    from = bytes;
    start = eventStart;
    end = eventEnd;
  }

  function closePiece(): void {
    if (from) pieces.push(start === 0 && end === from.length ? from : from.subarray(start, end));
    from = undefined;
  }

  function passChunk(): void {
    const { facts, bytes, start: eventStart, end: eventEnd } = scanner;
    if (facts.usage !== undefined) progress.usage = facts.usage;
    if (facts.serviceMode !== undefined) progress.serviceMode = facts.serviceMode;
    // What nobody reads any more is not charged by our count, only by the provider's.
    if (!call.hasCallerLeft) delivered.add(bytes, facts);
    finished |= facts.finished;
    if (request.wantsUsage || facts.noUsageEnd === 0) {
      if (request.wantsUsage || !facts.isUsageOnly) passPart(bytes, eventStart, eventEnd);
      return;
    }
    passPart(bytes, eventStart, facts.noUsageStart);
    passPart(bytes, facts.noUsageEnd, eventEnd);
  }

  /** Passes a part of a chunk on, with the name that the caller used where the model's stands in it. */
  function passPart(bytes: Buffer, partStart: number, partEnd: number): void {
    const { modelStart, modelEnd } = scanner.facts;
    if (!aliasText || modelEnd === 0 || modelStart < partStart || modelStart >= partEnd) {
      pass(bytes, partStart, partEnd);
      return;
    }
    closePiece();
    pieces.push(bytes.subarray(partStart, modelStart), aliasText, bytes.subarray(modelEnd, partEnd));
  }

  /** What the scanner leaves to the parser. Throws the failure that it carries. */
  function passOther(): void {
    const { bytes, start: eventStart, end: eventEnd } = scanner;
    const event = toEvent(Buffer.from(bytes.subarray(eventStart, eventEnd)));
    const piece = toCallerEvent({ target, writer, isRead: !call.hasCallerLeft }, event, progress);
    delivered.addText(progress.text);
    progress.text = "";
    if (!piece) return;
    closePiece();
    pieces.push(piece);
  }

  function take(kind: "chunk" | "done" | "other"): void {
    if (kind === "chunk") passChunk();
    else if (kind === "done") progress.isDone = true;
    else passOther();
  }

  function flush(): void {
    closePiece();
    if (pieces.length === 0) return;
    const bytes = pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
    pieces = [];
    if (exchange.isOver) return;
    begin();
    if (!progress.hasBegun) call.noteFirstToken();
    progress.hasBegun = true;
    admitted.keepAlive?.note();
    if (exchange.write(bytes) || exchange.isOver) return;
    call.pauseUpstream();
    deps.wheel.start(deps.settings.idleTimeoutMs, stall);
    exchange.onDrain = () => {
      deps.wheel.stop(stall);
      call.resumeUpstream();
    };
  }

  function begin(): void {
    if (exchange.hasBegun) return;
    exchange.begin(200, streamHead + headOf(admitted));
  }

  async function count(text: string): Promise<void> {
    const before = counting;
    const counter = await counterFor(target.provider);
    const tokens = await counter.estimateText(text);
    await before;
    progress.countedTokens += tokens;
  }

  async function charge(outcome: EndedAs): Promise<Ending> {
    await counting;
    const counter = await counterFor(target.provider);
    const shown = { text: delivered.take(), countedTokens: progress.countedTokens };
    return endWithCharge({ counter, request: call.parsed }, outcome, progress, shown);
  }

  function settle(outcome: EndedAs, isCharged: boolean, then: () => void): void {
    isWhole = true;
    deps.wheel.stop(stall);
    const { usage: tokens, serviceMode } = progress;
    if (!isCharged) call.settle(endWithoutCharge(outcome), then);
    else if (tokens) call.settle({ outcome, tokens, serviceMode, isEstimated: false }, then);
    else
      charge(outcome).then(
        (ending) => call.settle(ending, then),
        (err) => call.failWithoutAnswer(err),
      );
  }

  function complete(): void {
    settle(call.hasCallerLeft ? "canceled" : "completed", true, () => {
      if (exchange.isOver) return;
      begin();
      exchange.end(doneEvent);
    });
  }

  return {
    onData(bytes) {
      if (isWhole) return;
      scanner.push(bytes);
      try {
        for (let kind = scanner.next(); kind !== "more"; kind = scanner.next()) {
          take(kind);
          if (progress.isDone) break;
        }
      } finally {
        // What came whole before a fault is still delivered.
        flush();
      }
      if (delivered.isFull) {
        const text = delivered.take();
        if (progress.usage === undefined) counting = count(text);
      }
      if (!progress.isDone) return;
      call.finishUpstream();
      complete();
    },
    onEnd() {
      if (isWhole) return;
      const kind = scanner.flush();
      try {
        if (kind !== "more") take(kind);
      } finally {
        flush();
      }
      if (!progress.isDone && countFinished(finished, progress.finished) < request.answers) {
        throw new Failure(aiGatewayFailures.upstream_truncated, { model: target.model.name });
      }
      complete();
    },
    onFail(failure) {
      if (isWhole) return;
      const hasDelivered = delivered.bytes > 0 || counting !== undefined || progress.usage !== undefined;
      if (!progress.hasBegun && !hasDelivered) {
        isWhole = true;
        call.failWithoutAnswer(failure);
        return;
      }
      const outcome = call.hasCallerLeft ? "canceled" : progress.hasBegun ? "truncated" : "failed";
      settle(outcome, hasDelivered, () => {
        if (!exchange.hasBegun || !(failure instanceof Failure)) exchange.fail(failure);
        else exchange.end(writer.fail(failure, exchange.context.locale));
      });
    },
  };
}

/** Choices that have ended: a bit for each that the scanner saw, and those that the parser did. */
function countFinished(bits: number, others: ReadonlySet<number>): number {
  let count = 0;
  for (let index = 0; index <= 30; index++) if ((bits >> index) & 1 || others.has(index)) count++;
  for (const index of others) if (index > 30 || index < 0) count++;
  return count;
}
