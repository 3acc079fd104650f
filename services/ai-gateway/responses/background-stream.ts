import type { ServerResponse } from "node:http";
import { finished } from "node:stream/promises";
import { createSseReader } from "../dialects/openai/sse.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { ResponseObject } from "../dialects/responses/response-object.ts";
import type { KeepResponse } from "../dialects/responses/responses.ts";
import { createEventResponse } from "./event-response.ts";
import type { EventWriter } from "./event-writer.ts";
import { toStateEvent } from "./response-event.ts";

/** Takes the place of the caller of a response that is streamed in the background: what its call says is written down. */
export interface BackgroundStream {
  readonly res: ServerResponse;
  /** Called once, before anything is said. */
  open(writer: EventWriter): void;
  /** Keeps how the call ended, and before that what it said until then. */
  readonly keep: KeepResponse;
  /** Resolves when what the call said is written down, and how it ended, too, if it said so. */
  settle(): Promise<void>;
}

/** What OpenAI says first of a response in the background. */
export function toFirstEvents(queued: ResponseObject): readonly string[] {
  return ["response.created", "response.queued"].map((type, sequence) => toStateEvent(type, queued, sequence));
}

/** Said before by us, or told from the response itself once it has ended. */
const notWritten = new Set(["response.created", "response.queued", "response.completed", "response.incomplete"]);

export function createBackgroundStream(limits: {
  readonly maxEventBytes: number;
  readonly maxStreamBytes: number;
  /** Writes how the response ended. */
  end(response: ResponseObject): Promise<boolean>;
  /** Called once when its events are more than may be kept; ends the call. */
  onTooLarge(): void;
}): BackgroundStream {
  const { maxEventBytes, maxStreamBytes, end, onTooLarge } = limits;
  let writer: EventWriter | undefined;
  let isTooLarge = false;

  async function take(data: string): Promise<void> {
    const json: unknown = JSON.parse(data);
    const type = fieldOf(json, "type");
    if (!writer || typeof type !== "string" || notWritten.has(type) || isTooLarge) return;
    if (type === "response.failed") {
      await writer.flush();
      await end(fieldOf(json, "response") as ResponseObject);
      return;
    }
    writer.add(type, data);
    if (writer.bytes > maxStreamBytes) {
      isTooLarge = true;
      onTooLarge();
    }
    await writer.untilRoom();
  }

  const res = createEventResponse(take, maxEventBytes);

  /** Resolves when all that was said has been taken. */
  function untilTaken(): Promise<void> {
    if (!res.headersSent || res.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      res.once("close", resolve);
      res.write(":\n\n", () => resolve());
    });
  }

  return {
    res,
    open(opened) {
      writer = opened;
    },
    async keep(response, lastEvents) {
      await untilTaken();
      const reader = createSseReader(maxEventBytes);
      for (const { data } of reader.push(Buffer.from(lastEvents))) if (data !== undefined) await take(data);
      await writer?.flush();
      return !isTooLarge && end(response);
    },
    async settle() {
      if (res.writableEnded) await finished(res).catch(() => undefined);
      await writer?.flush();
    },
  };
}
