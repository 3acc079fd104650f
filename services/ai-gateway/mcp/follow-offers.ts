import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { keepAliveComment, keepResponseAlive } from "../call/keep-alive.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { checkHead } from "./check-head.ts";
import { newsKinds, versionsFor } from "./list-offers.ts";

/** Lists are asked for once a minute; a server that is added or removed is seen at once. */
const lookEveryMs = 2_000;
/** A client opens another by itself. */
const maxStreamMs = 3_600_000;

/**
 * A stream on which a client hears which of its lists have changed: of tools, resources or prompts. It says nothing else, and ends after an hour, when
 * its caller leaves or may not go on, and when this process stops. Throws a Failure until it has begun; resolves when it is over.
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
    await tellChanges(deps, exchange, { known, look: () => versionsFor(deps, caller) });
    exchange.res.end();
  } finally {
    giveBack();
  }
}

type Versions = Awaited<ReturnType<typeof versionsFor>>;

interface Followed {
  readonly known: Versions;
  look(): Promise<Versions>;
}

/** Resolves when nothing more is to be said. */
async function tellChanges(
  { clock, wheel, settings, mcpStreams }: Pick<AiGatewayDeps, "clock" | "wheel" | "settings" | "mcpStreams">,
  { res }: Pick<Exchange, "res">,
  { known: first, look }: Followed,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();
  let known = first;
  let isOver = false;
  const alive =
    settings.keepAliveMs > 0
      ? keepResponseAlive(wheel, settings.keepAliveMs, { res, head: () => ({}), bytes: keepAliveComment })
      : undefined;

  function tell(now: Versions): void {
    for (const kind of newsKinds) {
      if (now[kind] === known[kind]) continue;
      alive?.note();
      const message = JSON.stringify({ jsonrpc: "2.0", method: `notifications/${kind}/list_changed` });
      res.write(`event: message\ndata: ${message}\n\n`);
    }
    known = now;
  }

  async function lookAgain(): Promise<void> {
    const now = await look();
    // Who does not keep up hears of it with the next look.
    if (!isOver && !res.destroyed && !res.writableNeedDrain) tell(now);
    if (!isOver) cancelLook = clock.setTimer(lookEveryMs, () => void lookAgain().catch(end));
  }

  let cancelLook = clock.setTimer(lookEveryMs, () => void lookAgain().catch(end));
  const cancelLimit = clock.setTimer(maxStreamMs, end);
  res.once("close", end);
  const { ending } = mcpStreams;
  ending.addEventListener("abort", end, { once: true });
  if (ending.aborted) end();
  alive?.start();
  await over.promise;
  isOver = true;
  cancelLook();
  cancelLimit();
  alive?.stop();
  ending.removeEventListener("abort", end);
}
