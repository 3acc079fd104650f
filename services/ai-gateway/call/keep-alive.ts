import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { keepAliveHeader } from "@lyss/contracts/calls/call-headers.ts";
import { createTimerEntry, type TimerWheel } from "@lyss/kit/service/timer-wheel.ts";
import type { GatewaySettings } from "../config.ts";
import { refuseField } from "./refuse-field.ts";

/** The header by which a caller says how soon a silent stream is kept alive, for the OpenAPI document. */
export const keepAliveHeaders = {
  [keepAliveHeader]:
    "Seconds of silence after which a stream is kept alive, 1 to 3600; `off` for never, `on` as usual: see guides/surfaces.md.",
};

/** A comment, which readers of server-sent events pass over (WHATWG HTML, "Server-sent events", 9.2.7). */
export const keepAliveComment = Buffer.from(": keep-alive\n\n");

const wholeSeconds = /^\d{1,4}$/;
const mostSeconds = 3_600;

/** After how many milliseconds of silence a stream is kept alive, 0 for never; undefined for a header that is none. */
export function findKeepAliveMs(
  headers: IncomingHttpHeaders,
  { keepAliveMs }: Pick<GatewaySettings, "keepAliveMs">,
): number | undefined {
  const said = headers[keepAliveHeader];
  if (said === undefined || said === "on") return keepAliveMs;
  if (said === "off") return 0;
  const seconds = typeof said === "string" && wholeSeconds.test(said) ? Number(said) : 0;
  return seconds >= 1 && seconds <= mostSeconds ? seconds * 1_000 : undefined;
}

/** The same. Throws `invalid_request` for a header that is none. */
export function readKeepAliveMs(headers: IncomingHttpHeaders, settings: Pick<GatewaySettings, "keepAliveMs">): number {
  const ms = findKeepAliveMs(headers, settings);
  if (ms !== undefined) return ms;
  throw refuseField(
    keepAliveHeader,
    "must be 'on', 'off' or whole seconds from 1 to 3600",
    "必须是“on”“off”或 1 到 3600 的整秒数",
  );
}

/** Keeps one stream alive from before its first byte, so that no proxy on its way takes it for dead. */
export interface KeepAlive {
  /** Once more while it runs. */
  start(): void;
  /** Something of the stream has left, between whole events. */
  note(): void;
  stop(): void;
}

/** `send` is called whenever nothing has left for `intervalMs`, and at most for twice as long. Runs from `start` to `stop`. */
export function createKeepAlive(wheel: TimerWheel, intervalMs: number, send: () => void): KeepAlive {
  let isQuiet = true;
  let isStarted = false;
  const entry = createTimerEntry(() => {
    // First, so that a stop within `send` counts.
    wheel.start(intervalMs, entry);
    if (isQuiet) send();
    isQuiet = true;
  });
  return {
    start() {
      if (isStarted) return;
      isStarted = true;
      wheel.start(intervalMs, entry);
    },
    note() {
      isQuiet = false;
    },
    stop: () => wheel.stop(entry),
  };
}

/** The same over an ordinary response: the first of its `bytes` begins the answer, with `head`, and commits it to status 200. */
export function keepResponseAlive(
  wheel: TimerWheel,
  intervalMs: number,
  {
    res,
    head,
    bytes,
  }: { readonly res: ServerResponse; readonly head: () => Record<string, string>; readonly bytes: Buffer },
): KeepAlive {
  return createKeepAlive(wheel, intervalMs, () => {
    // One who does not keep up has something to read.
    if (res.destroyed || res.writableEnded || res.writableNeedDrain) return;
    if (!res.headersSent) res.writeHead(200, head());
    res.write(bytes);
  });
}
