import { readAllUsagePermission, scopeFor, type UsageScope } from "@lyss/contracts/usage/usage-scope.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { z } from "zod";
import { availableNanos, formatNanos, type UsageRow, type Wallet } from "../model.ts";
import { toUsageBody } from "../usage/usage-body.ts";
import type { LiveFeed } from "./live-feed.ts";

/** What a stream is made of. */
export interface LiveDeps {
  readonly feed: LiveFeed;
  readonly clock: Clock;
  readonly findWallet: (tenantId: string) => Promise<Wallet | undefined>;
}

const heartbeatMs = 15_000;
/** Who may see it is asked again at least so often, for the client comes back with its credential. */
const maxStreamMs = 600_000;
const retryMs = 2_000;
/** Of what a slow client has not taken; what comes beyond that is counted and not kept. */
const maxBufferedBytes = 262_144;

/**
 * Tells a client what happens in its tenant, as server-sent events (html.spec.whatwg.org/multipage/server-sent-events.html): `request`, `balance`, `alert`,
 * and `missed` with how many requests were not told. Resolves when the client has left, or after ten minutes, when it comes back by itself and
 * goes on after its `Last-Event-ID`. Without `billing:audit` requests are the caller's own. Throws `kit.invalid_request`, before anything is sent, for a client that does not ask for such a stream.
 */
export async function sendLive({ feed, clock, findWallet }: LiveDeps, exchange: Exchange): Promise<void> {
  const { req, res } = exchange;
  parseInput(z.strictObject({}), Object.fromEntries(new URL(req.url ?? "/", "http://live").searchParams), "query");
  requireStreamTaker(req.headers.accept);
  const caller = requireCaller(exchange);
  const scope = scopeFor(caller, {});
  const isAll = permits(caller.permissions, readAllUsagePermission);
  const seesAlerts = permits(caller.permissions, "event:read");
  const ended = Promise.withResolvers<void>();
  let missed = 0;

  const send = (event: string, data: unknown, id?: number) => {
    res.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const sendCalls = (rows: readonly UsageRow[], missedRows: number) => {
    const seen = isAll ? rows : rows.filter((row) => isWithin(scope, row));
    // How much others call is not for everybody.
    missed += isAll ? missedRows : 0;
    if (res.writableLength > maxBufferedBytes) {
      missed += seen.length;
      return;
    }
    for (const row of seen) send("request", toUsageBody(row), row.createdAt.getTime());
    if (missed > 0) send("missed", { requests: missed });
    missed = 0;
  };
  const close = feed.open(scope.tenantId, caller.userId || caller.keyId, {
    onCalls: sendCalls,
    onBalance: (wallet) => res.writableLength <= maxBufferedBytes && send("balance", toBalanceBody(wallet)),
    onAlert: (alert) => seesAlerts && res.writableLength <= maxBufferedBytes && send("alert", alert),
    onEnd: ended.resolve,
  });
  const cancels = [clock.setTimer(maxStreamMs, ended.resolve)];
  try {
    res.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    res.write(`retry: ${retryMs}\n\n`);
    const wallet = await findWallet(scope.tenantId);
    if (wallet) send("balance", toBalanceBody(wallet));
    const lastMs = readLastId(req.headers["last-event-id"]);
    if (lastMs !== undefined) sendCalls(await feed.listSince(scope.tenantId, lastMs), 0);
    const beat = () => {
      res.write(": \n\n");
      cancels[1] = clock.setTimer(heartbeatMs, beat);
    };
    cancels[1] = clock.setTimer(heartbeatMs, beat);
    res.once("close", ended.resolve);
    await ended.promise;
  } finally {
    close();
    for (const cancel of cancels) cancel();
    res.end();
  }
}

function isWithin({ userId, keyId }: UsageScope, row: UsageRow): boolean {
  return (userId === undefined || row.userId === userId) && (keyId === undefined || row.keyId === keyId);
}

/** Who asks for anything else would wait for an end that does not come. */
function requireStreamTaker(accept = ""): void {
  if (/(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(accept.slice(0, 1_024))) return;
  const reason = "must be text/event-stream: the answer is a stream that goes on";
  throw new Failure(kitFailures.invalid_request, {
    ...{ field: "accept", reason, reason_zh_CN: "必须为 text/event-stream：应答是持续的事件流" },
  });
}

/** Milliseconds, as they were given as an id; undefined for what is none. */
function readLastId(text: string | string[] | undefined): number | undefined {
  return typeof text === "string" && /^\d{13}$/.test(text) ? Number(text) : undefined;
}

function toBalanceBody(wallet: Wallet) {
  const { currency, balanceNanos, heldNanos } = wallet;
  return {
    ...{ currency, balance_nanos: balanceNanos.toString(), held_nanos: heldNanos.toString() },
    ...{ available_nanos: availableNanos(wallet).toString(), available: formatNanos(availableNanos(wallet)) },
  };
}
