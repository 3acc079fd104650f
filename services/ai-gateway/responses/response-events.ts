import { hkdfSync } from "node:crypto";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { EventBatch } from "./event-batch-store.ts";
import { createEventWriter, type EventWriter } from "./event-writer.ts";
import { type EventTexts, packEvents, unpackEvents } from "./response-event.ts";
import type { ResponseEventStore } from "./response-event-store.ts";
import type { Owner, ResponseName } from "./response-store.ts";

/** Events of a response from a place on. */
export interface EventPage {
  readonly isStreamed: boolean;
  readonly events: EventTexts;
  /** The number of the last of them; undefined where there are none. */
  readonly last: number | undefined;
  /** True when there may be more already. */
  readonly isMore: boolean;
  /** True when none will follow those that are written, but the one in which the response ends. */
  readonly isEnded: boolean;
}

/**
 * The events of responses that are streamed in the background: what the call of such a one says is written down in batches, and read
 * from there by all who follow it, so that nobody is shown what could not be shown again.
 */
export interface ResponseEvents {
  /** What is written down with a new response, whose events count from 0. */
  toFirstBatch(owner: Owner, responseId: string, events: EventTexts): EventBatch;
  /** Writes what follows the first `sequence` events; `onLost` is called when the response is found to have ended elsewhere. */
  open(owner: Owner, responseId: string, sequence: number, onLost: () => void): EventWriter;
  /** Undefined for a response that is not there for its name. */
  read(name: ResponseName, after: number): Promise<EventPage | undefined>;
  /** The number of the last event that is written, -1 where there is none. */
  findLast(responseId: string): Promise<number>;
  /** Calls `listener` when something of the response was written, or has changed, on this node; until what is given back is called. */
  watch(responseId: string, listener: () => void): () => void;
  wake(responseId: string): void;
}

const maxBatchesRead = 16;

export function createResponseEvents(deps: {
  readonly store: ResponseEventStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** 32 bytes: each response's own key is derived from it. */
  readonly key: Buffer;
}): ResponseEvents {
  const { store, clock, random, log, key } = deps;
  const watchers = new Map<string, Set<() => void>>();

  /** A stream is sealed in many pieces, and one key may seal no more than 2^32. */
  const keyOf = (responseId: string) => Buffer.from(hkdfSync("sha256", key, "", `response events ${responseId}`, 32));
  const bindingOf = ({ tenantId }: Pick<Owner, "tenantId">, responseId: string, firstSequence: number) =>
    JSON.stringify([tenantId, responseId, "events", firstSequence]);

  function toBatch(owner: Owner, responseId: string, firstSequence: number, events: EventTexts): EventBatch {
    const binding = bindingOf(owner, responseId, firstSequence);
    const sealed = seal(random, keyOf(responseId), packEvents(events), binding);
    return { responseId, firstSequence, lastSequence: firstSequence + events.length - 1, events: sealed };
  }

  function wake(responseId: string): void {
    for (const listener of watchers.get(responseId) ?? []) listener();
  }

  return {
    wake,
    toFirstBatch: (owner, responseId, events) => toBatch(owner, responseId, 0, events),
    open(owner, responseId, sequence, onLost) {
      return createEventWriter({
        ...{ clock, sequence },
        async write(firstSequence, events) {
          const isLive = await store.append(toBatch(owner, responseId, firstSequence, events));
          if (isLive) wake(responseId);
          else onLost();
          return isLive;
        },
        onError(err) {
          log.warn({ err, response_id: responseId }, "events of a response cannot be written; they are tried again");
        },
      });
    },
    async read(name, after) {
      const rows = await store.read(name, after, new Date(clock.nowMs()), maxBatchesRead);
      if (!rows) return undefined;
      const { status, isStreamed, batches } = rows;
      const own = keyOf(name.responseId);
      const events = batches.flatMap((batch) => {
        const packed = unseal(own, batch.events, bindingOf(name, name.responseId, batch.firstSequence));
        if (!packed) throw new Error("events do not open: the root key is another one, or the row was changed");
        return unpackEvents(packed).slice(Math.max(0, after + 1 - batch.firstSequence));
      });
      const isMore = batches.length === maxBatchesRead;
      const isEnded = status !== "queued" && status !== "in_progress";
      return { isStreamed, events, last: batches.at(-1)?.lastSequence, isMore, isEnded };
    },
    findLast: (responseId) => store.findLast(responseId),
    watch(responseId, listener) {
      const listeners = watchers.get(responseId) ?? new Set();
      watchers.set(responseId, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) watchers.delete(responseId);
      };
    },
  };
}
