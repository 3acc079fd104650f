import { type Clock, delay } from "@lyss/kit/service/clock.ts";
import type { RpcMessage, RpcParams } from "../servers/json-rpc.ts";
import { createHeld } from "./held-subscriptions.ts";
import { isHeardFrom, type LogLevel } from "./log-level.ts";
import type { UpstreamRequest, UpstreamSession } from "./upstream-session.ts";

/** What a client wants to hear from one server. */
export interface Wanted {
  /** Of resources, as the server has them. */
  readonly uris: ReadonlySet<string>;
  /** From which level on it hears what the server logs; undefined for nothing. */
  readonly level: LogLevel | undefined;
}

export interface FeedListener {
  /** A resource has changed, or may have while nobody could hear it. */
  onUpdated(uri: string): void;
  /** As the server said it, at any level. */
  onLogged(params: RpcParams): void;
}

/** One server's stream, kept for all clients here that want to hear it. */
export interface ServerFeed {
  /** Replaces what a listener wants; undefined for one that is gone. The stream ends with the last of them. */
  want(listener: FeedListener, wanted: Wanted | undefined): void;
}

export interface FeedDeps {
  readonly clock: Clock;
  /** The one session whose stream it is. */
  session(): UpstreamSession;
  /** Asks the server, as its policy says. */
  request(request: Pick<UpstreamRequest, "method" | "params">): Promise<unknown>;
  onListChanged(): void;
  onFailed(err: unknown): void;
  /** Nobody listens any more. */
  onEnded(): void;
}

const firstPauseMs = 1_000;
const maxPauseMs = 60_000;
/** One that has no stream may get one. */
const noStreamPauseMs = 300_000;
/** A stream that was there for so long has not failed. */
const lastedMs = 10_000;
/** More is left out: a server that talks without an end holds nobody up. */
const maxNewsASecond = 200;

export function createServerFeed(deps: FeedDeps): ServerFeed {
  const { clock } = deps;
  const listeners = new Map<FeedListener, Wanted>();
  const held = createHeld(deps);
  let running: AbortController | undefined;

  const union = () => new Set([...listeners.values()].flatMap(({ uris }) => [...uris]));

  function hear(message: RpcMessage): void {
    if (message.kind !== "notification") return;
    const { method, params } = message;
    const { uri } = params;
    if (method === "notifications/message") for (const listener of listeners.keys()) listener.onLogged(params);
    if (method === "notifications/resources/updated" && typeof uri === "string") tellUpdated(uri);
    if (/^notifications\/(tools|prompts|resources)\/list_changed$/.test(method)) deps.onListChanged();
  }

  function tellUpdated(uri: string): void {
    for (const [listener, { uris }] of listeners) if (uris.has(uri)) listener.onUpdated(uri);
  }

  async function run(signal: AbortSignal): Promise<void> {
    const limit = createRate(clock);
    let lastEventId: string | undefined;
    let known: object | undefined;
    let failures = 0;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      const end = await deps
        .session()
        .listen({
          ...{ signal, lastEventId },
          onOpen(session) {
            // What happened while nobody listened is not known, unless the server tells it now.
            const hasGap = known !== undefined && (known !== session || (failures > 1 && lastEventId === undefined));
            if (known !== session) lastEventId = undefined;
            known = session;
            held.begin();
            held.follow(union(), lowest(listeners.values()));
            if (hasGap) for (const uri of union()) tellUpdated(uri);
          },
          onNews({ message, eventId }) {
            lastEventId = eventId ?? lastEventId;
            if (limit()) hear(message);
          },
        })
        .catch((err: unknown) => {
          // One that was there for a while and breaks off, or was silent for too long, is opened again, and that is all.
          if (!signal.aborted && clock.monotonicMs() - startedMs < lastedMs) deps.onFailed(err);
        });
      held.end();
      failures = clock.monotonicMs() - startedMs >= lastedMs ? 0 : failures + 1;
      const pauseMs = Math.min(firstPauseMs * 2 ** Math.max(0, failures - 1), maxPauseMs);
      await delay(clock, end === "none" ? noStreamPauseMs : pauseMs, signal).catch(() => undefined);
    }
  }

  return {
    want(listener, wanted) {
      if (wanted) listeners.set(listener, wanted);
      else listeners.delete(listener);
      if (listeners.size === 0) {
        running?.abort();
        running = undefined;
        return deps.onEnded();
      }
      held.follow(union(), lowest(listeners.values()));
      if (running) return;
      running = new AbortController();
      void run(running.signal);
    },
  };
}

function lowest(all: Iterable<Wanted>): LogLevel | undefined {
  let found: LogLevel | undefined;
  for (const { level } of all) {
    if (level !== undefined && (found === undefined || !isHeardFrom(found, level))) found = level;
  }
  return found;
}

/** False for what is more than a second may bring. */
function createRate(clock: Clock): () => boolean {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - sinceMs >= 1_000) {
      sinceMs = nowMs;
      count = 0;
    }
    return ++count <= maxNewsASecond;
  };
}
