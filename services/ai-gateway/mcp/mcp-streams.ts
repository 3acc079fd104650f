import { setMaxListeners } from "node:events";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SessionOwner } from "./mcp-sessions.ts";

/** Streams on which clients wait for news, in this process. */
export interface McpStreams {
  /**
   * Takes a place for one, and gives what gives it back, to be called once. Throws `tool_streams_exceeded` for one more than its key, or this
   * process, may have.
   */
  take(owner: SessionOwner): () => void;
  /** Aborted when this process begins to stop. */
  readonly ending: AbortSignal;
  /** Ends all that there are, and those that still come. */
  endAll(): void;
}

const maxPerKey = 100;
const maxStreams = 2_000;
const retryAfterMs = 60_000;

export function createMcpStreams(): McpStreams {
  const counts = new Map<string, number>();
  const ending = new AbortController();
  let open = 0;
  // Each stream listens.
  setMaxListeners(maxStreams, ending.signal);
  return {
    ending: ending.signal,
    endAll: () => ending.abort(),
    take({ tenantId, userId, keyId }) {
      const key = JSON.stringify([tenantId, keyId || userId]);
      const count = counts.get(key) ?? 0;
      const limit = count >= maxPerKey ? maxPerKey : maxStreams;
      if (count >= maxPerKey || open >= maxStreams) {
        throw new Failure(toolFailures.tool_streams_exceeded, { limit }, { retryAfterMs });
      }
      open++;
      counts.set(key, count + 1);
      return () => {
        open--;
        const left = (counts.get(key) ?? 1) - 1;
        if (left > 0) counts.set(key, left);
        else counts.delete(key);
      };
    },
  };
}
