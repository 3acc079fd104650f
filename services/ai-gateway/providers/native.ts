import type { SseEvent } from "../dialects/openai/sse.ts";
import type { Wire, WireFacts } from "./wire.ts";

const nothing = Buffer.alloc(0);

/** What a native wire does itself. */
export interface NativeParts extends Pick<Wire, "draft"> {
  /** An event as its caller is to have it. */
  toRaw(event: SseEvent, facts: WireFacts): Buffer;
}

/**
 * A wire for callers who speak as the provider does: bytes go through both ways, and `wire` reads them too, so that usage, failures
 * and ends are judged as they are of every other call. An event's bytes stand in the last of those that chat has for it.
 */
export function createNativeWire(wire: Wire, { draft, toRaw }: NativeParts): Wire {
  return {
    ...wire,
    draft,
    toAnswer: (body, json, facts) => ({ body, json: wire.toAnswer(body, json, facts).json }),
    createStream(facts) {
      const stream = wire.createStream(facts);
      return {
        read(event) {
          const raw = toRaw(event, facts);
          const read = stream.read(event);
          if (read.length === 0) return [{ raw, data: undefined }];
          // Nobody is shown chat's own end.
          const end = read.at(-1)?.data === "[DONE]" ? 2 : 1;
          return read.map((one, n) => ({ ...one, raw: n === Math.max(read.length - end, 0) ? raw : nothing }));
        },
      };
    },
  };
}
