import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { keepAliveComment, keepResponseAlive } from "../call/keep-alive.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { RpcParams } from "../servers/json-rpc.ts";
import { checkHead } from "./check-head.ts";
import { type ClientNews, createClientNews } from "./client-news.ts";
import { newsKinds, versionsFor } from "./list-offers.ts";
import { sessionOf } from "./session-owner.ts";

/** Lists are asked for once a minute, and when a server says that one has changed; a server that is added or removed is seen at once. */
const lookEveryMs = 2_000;
/** A client opens another by itself. */
const maxStreamMs = 3_600_000;

/**
 * A stream on which a client hears which of its lists have changed, of tools, resources or prompts; and of its session, which resources have that it
 * has subscribed to, and what servers log. It ends after an hour, when its caller leaves or may not go on, and when this process stops. Throws a
 * Failure until it has begun; resolves when it is over.
 */
export async function followOffers(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { req, requestId } = exchange;
  const caller = requireCaller(exchange);
  checkHead(deps, req);
  if (!/text\/event-stream/.test(req.headers.accept ?? "")) {
    throw refuseField("accept", "must be text/event-stream", "必须为 text/event-stream");
  }
  const giveBack = deps.mcpStreams.take(caller);
  try {
    const known = await versionsFor(deps, caller);
    if (exchange.res.destroyed) return;
    exchange.res.writeHead(200, {
      ...{ "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
      ...{ "x-content-type-options": "nosniff", "x-request-id": requestId },
    });
    exchange.res.flushHeaders();
    const open = (tell: Tell) => createClientNews(deps, caller, sessionOf(req), tell);
    await tellChanges(deps, exchange, { known, look: () => versionsFor(deps, caller), open });
    exchange.res.end();
  } finally {
    giveBack();
  }
}

type Versions = Awaited<ReturnType<typeof versionsFor>>;

interface Followed {
  readonly known: Versions;
  look(): Promise<Versions>;
  /** What is heard besides. */
  open(tell: Tell): ClientNews;
}

type Tell = Parameters<typeof createClientNews>[3];

/** Resolves when nothing more is to be said. */
async function tellChanges(
  { clock, wheel, settings, mcpStreams }: Pick<AiGatewayDeps, "clock" | "wheel" | "settings" | "mcpStreams">,
  { res }: Pick<Exchange, "res">,
  { known: first, look, open }: Followed,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();
  let known = first;
  let isOver = false;
  const alive =
    settings.keepAliveMs > 0
      ? keepResponseAlive(wheel, settings.keepAliveMs, { res, head: () => ({}), bytes: keepAliveComment })
      : undefined;

  /** False where nothing was said: who does not keep up hears of it with a later look. */
  function tell(method: string, params?: RpcParams): boolean {
    if (isOver || res.destroyed || res.writableNeedDrain) return false;
    alive?.note();
    res.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", method, params })}\n\n`);
    return true;
  }

  function tellLists(now: Versions): void {
    for (const kind of newsKinds) {
      if (now[kind] === known[kind] || !tell(`notifications/${kind}/list_changed`)) continue;
      known = { ...known, [kind]: now[kind] };
    }
  }

  const news = open(tell);

  async function lookAgain(): Promise<void> {
    tellLists(await look());
    await news.look();
    if (!isOver) cancelLook = clock.setTimer(lookEveryMs, () => void lookAgain().catch(end));
  }

  let cancelLook = () => {};
  void lookAgain().catch(end);
  const cancelLimit = clock.setTimer(maxStreamMs, end);
  res.once("close", end);
  const { ending } = mcpStreams;
  ending.addEventListener("abort", end, { once: true });
  if (ending.aborted) end();
  alive?.start();
  await over.promise;
  isOver = true;
  news.close();
  cancelLook();
  cancelLimit();
  alive?.stop();
  ending.removeEventListener("abort", end);
}
