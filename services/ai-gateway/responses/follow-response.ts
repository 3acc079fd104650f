import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { backgroundFailures } from "@lyss/contracts/failures/ai-gateway-background.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createWakeSignal } from "@lyss/kit/events/wake-signal.ts";
import { keepAliveComment, keepResponseAlive } from "../call/keep-alive.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { OpenCall } from "../open-calls.ts";
import { toEndEvent } from "./response-event.ts";
import type { EventPage } from "./response-events.ts";
import type { ResponseName } from "./response-store.ts";

type Deps = Pick<AiGatewayDeps, "responses" | "clock" | "wheel" | "settings" | "openCalls">;

/** How soon a follower looks again who is not woken: because another node serves the response, or it was cancelled there. */
const lookMs = { elsewhere: 250, here: 1_000 };

export interface Followed {
  readonly name: ResponseName;
  /** The number of the last event that is known; -1 for all. */
  readonly after: number;
  /** After how long a silence it is kept alive; 0 for never. */
  readonly keepAliveMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The stream of a response in the background from a place on, whichever node serves it: what there is, and then what comes, to its end.
 * Gives what sends it. Throws `response_not_found`, `response_not_streamed`, and `invalid_request` for a place that there is not.
 */
export async function openFollowing(deps: Deps, followed: Followed): Promise<(res: ServerResponse) => Promise<void>> {
  const { events } = deps.responses;
  const { name, after } = followed;
  const page = await events.read(name, after);
  if (!page) throw new Failure(aiGatewayFailures.response_not_found, { id: name.responseId });
  if (!page.isStreamed) throw new Failure(backgroundFailures.response_not_streamed);
  const last = page.last ?? (await events.findLast(name.responseId));
  // The event in which it ends is written nowhere, and may be known.
  const lastOfAll = page.isEnded ? last + 1 : last;
  if (after > lastOfAll) {
    throw refuseField("starting_after", `is beyond the last event, ${lastOfAll}`, `超出最后一个事件 ${lastOfAll}`);
  }
  const isAllKnown = page.isEnded && after === lastOfAll;
  return (res) => follow(deps, followed, res, isAllKnown ? undefined : page);
}

/** Resolves when there is nothing more to send, or nobody who reads. `first` is undefined where nothing is left to say. */
async function follow(
  deps: Deps,
  followed: Followed,
  res: ServerResponse,
  first: EventPage | undefined,
): Promise<void> {
  const { responses, clock, wheel, settings, openCalls } = deps;
  const { responseId } = followed.name;
  if (res.destroyed) return;
  res.writeHead(200, {
    ...{ "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no" },
    ...followed.headers,
  });
  res.flushHeaders();
  const news = createWakeSignal(clock);
  const unwatch = responses.events.watch(responseId, news.wake);
  res.once("close", news.wake);
  let isOver = false;
  const end = () => {
    isOver = true;
    news.wake();
  };
  // One that is served here ends with its call, and that is to be told; one that is served elsewhere can be followed at another node.
  const ending = responses.isHere(responseId) ? { abort: () => undefined } : { abort: end, drain: end };
  const open: OpenCall = { ...ending, previous: undefined, next: undefined };
  const alive =
    followed.keepAliveMs > 0
      ? keepResponseAlive(wheel, followed.keepAliveMs, { res, head: () => ({}), bytes: keepAliveComment })
      : undefined;
  const reader: Reader = {
    async send(text) {
      alive?.note();
      await write(settings.idleTimeoutMs, res, text);
    },
    async untilNews() {
      if (!isOver && !res.destroyed) await news.wait(responses.isHere(responseId) ? lookMs.here : lookMs.elsewhere);
    },
    isGone: () => isOver || res.destroyed,
  };
  openCalls.begin(open);
  alive?.start();
  try {
    if (first) await sendAll(deps, followed, first, reader);
    res.end();
  } finally {
    alive?.stop();
    unwatch();
    res.removeListener("close", news.wake);
    openCalls.end(open);
  }
}

/** Who reads a stream. */
interface Reader {
  send(text: string): Promise<void>;
  /** Resolves when there may be something new. */
  untilNews(): Promise<void>;
  /** True when nothing more than there is now is to be sent. */
  isGone(): boolean;
}

async function sendAll(
  { responses }: Pick<Deps, "responses">,
  { name, after }: Followed,
  first: EventPage,
  reader: Reader,
): Promise<void> {
  let known = after;
  for (let page: EventPage | undefined = first; page; page = await responses.events.read(name, known)) {
    if (page.events.length > 0) await reader.send(page.events.join(""));
    known = page.last ?? known;
    if (page.isMore) continue;
    if (page.isEnded) {
      const { response } = await responses.get(name);
      await reader.send(toEndEvent(response, known + 1));
      return;
    }
    // What was written until the node's own end is still sent.
    if (reader.isGone()) return;
    await reader.untilNews();
  }
}

/** Waits for a reader that is slower, and leaves one that has stopped. */
async function write(patienceMs: number, res: ServerResponse, text: string): Promise<void> {
  if (res.destroyed || res.write(text)) return;
  const left = new AbortController();
  const leave = () => left.abort();
  res.once("close", leave);
  const stalled = AbortSignal.timeout(patienceMs);
  await once(res, "drain", { signal: AbortSignal.any([left.signal, stalled]) }).catch(() => res.destroy());
  res.removeListener("close", leave);
}
