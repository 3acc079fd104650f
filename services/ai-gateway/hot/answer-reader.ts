import type { ResponseHead } from "@lyss/kit/http/upstream/response-head.ts";
import { type EndedAs, type Ending, endWithCharge } from "../call/call.ts";
import { counterFor } from "../call/count-tokens.ts";
import { parseAnswer } from "../call/relay-answer.ts";
import { textOf } from "../dialects/openai/delivered-text.ts";
import { passThrough } from "../dialects/openai/pass-through.ts";
import { readServiceMode, readUsage } from "../dialects/openai/usage.ts";
import { type ScannedAnswer, scanAnswer } from "../scan/scan-answer.ts";
import { headOf } from "./admitted.ts";
import { createBodyCollector } from "./body-collector.ts";
import type { BodyReader, RelayedCall } from "./body-reader.ts";

/** Reads an answer that is not streamed. Its charge is committed before its bytes leave, as `relayAnswer` has it. */
export function createAnswerReader(call: RelayedCall, head: ResponseHead): BodyReader {
  const { deps, admitted } = call;
  const { target } = admitted;
  const collected = createBodyCollector(head, deps.settings.maxResponseBytes);
  const { model } = admitted.request;
  const { upstreamName } = target.model;
  let isWhole = false;

  function finish(ending: Ending, bytes: Buffer): void {
    const headers = `content-type: application/json\r\ncache-control: no-store\r\n${headOf(admitted)}`;
    call.settle(ending, () => call.exchange.answer(200, headers, bytes));
  }

  /** What the scanner cannot say: whether it is an answer at all, and what it used where it does not say. */
  async function finishParsed(body: Buffer, json: unknown, outcome: EndedAs): Promise<void> {
    const counter = await counterFor(target.provider);
    const reported = { usage: readUsage(json), serviceMode: readServiceMode(json) };
    const delivered = { text: textOf(json), countedTokens: 0 };
    const ending = await endWithCharge({ counter, request: call.parsed }, outcome, reported, delivered);
    const writer = passThrough(model, upstreamName, true);
    finish(ending, await writer.whole(body, json, ending.tokens));
  }

  return {
    onData: (bytes) => collected.add(bytes),
    onEnd() {
      const body = collected.take();
      const outcome = call.hasCallerLeft ? "canceled" : "completed";
      const scanned = scanAnswer(body);
      if (scanned) {
        isWhole = true;
        const { usage: tokens, serviceMode } = scanned;
        const bytes = upstreamName === model ? body : withModel(body, scanned, model);
        finish({ outcome, tokens, serviceMode, isEstimated: false }, bytes);
      } else {
        const json = parseAnswer(admitted, body);
        isWhole = true;
        finishParsed(body, json, outcome).catch((err) => call.failWithoutAnswer(err));
      }
    },
    onFail(failure) {
      if (!isWhole) call.failWithoutAnswer(failure);
    },
  };
}

/** The name that the caller used, where the provider has another. */
function withModel(body: Buffer, { modelStart, modelEnd }: ScannedAnswer, model: string): Buffer {
  if (modelEnd === 0) return body;
  return Buffer.concat([body.subarray(0, modelStart), Buffer.from(JSON.stringify(model)), body.subarray(modelEnd)]);
}
