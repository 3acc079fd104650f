import { createLiveConfig } from "@lyss/kit/config/live-config.ts";
import { watchFile } from "@lyss/kit/config/watch-file.ts";
import { createLogger } from "@lyss/kit/observability/logger.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { loadPlatformConfig } from "../load-platform-config.ts";
import { startPlatform } from "../up.ts";
import type { CliDeps } from "./context.ts";

/** The options of `lyss up`, as they were written. */
export interface UpFlags {
  readonly config?: string;
  readonly run?: string;
  readonly gateways?: string;
  readonly dataDir?: string;
  readonly host?: string;
  readonly port?: string;
  readonly rpcHost?: string;
  readonly rpcPort?: string;
  readonly peer?: readonly string[];
}

/** Runs the platform until it is told to stop. */
export async function runUp({ env, locale, write }: CliDeps, options: UpFlags): Promise<void> {
  const loaded = loadPlatformConfig({ file: options.config, env, flags: toFlags(options), locale });
  const log = createLogger(loaded.config.log);
  log.debug({ config: loaded.describe().split("\n") }, "configuration");
  let latest = loaded;
  const load = () => {
    latest = latest.reload();
    return latest;
  };
  const live = createLiveConfig({ initial: loaded, load, log });
  // On a terminal SIGHUP says that the terminal is gone, and ends the process as it always did.
  if (!process.stdout.isTTY) process.on("SIGHUP", live.reload);
  const stopping = new AbortController();
  const hurry = new AbortController();
  const stopped = waitForStop(stopping, hurry);
  const args = process.argv.slice(2);
  const platform = await startPlatform({ live, env, args, locale, log, write, signal: stopping.signal });
  const endWatch = watchFile(loaded.path, { clock: systemClock }, live.reload);
  await stopped;
  endWatch();
  await platform.stop(hurry.signal);
}

/** A launcher and a process group may both pass the same signal on; that is one wish, not two. */
const sameSignalMs = 500;

/** Resolves at the first SIGINT or SIGTERM; a second one stops at once. */
function waitForStop(stopping: AbortController, hurry: AbortController): Promise<void> {
  return new Promise((resolve) => {
    let firstMs = 0;
    const onSignal = () => {
      if (stopping.signal.aborted && systemClock.monotonicMs() - firstMs > sameSignalMs) hurry.abort();
      if (!stopping.signal.aborted) firstMs = systemClock.monotonicMs();
      stopping.abort();
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

function toFlags(options: UpFlags): Record<string, string> {
  const named: readonly (readonly [string, string | undefined])[] = [
    ["run", options.run],
    ["gateways", options.gateways],
    ["dataDir", options.dataDir],
    ["http.host", options.host],
    ["http.port", options.port],
    ["rpc.host", options.rpcHost],
    ["rpc.port", options.rpcPort],
    ...(options.peer ?? []).map((text): [string, string] => {
      const at = text.indexOf("=");
      return [`peers.${text.slice(0, at)}`, text.slice(at + 1)];
    }),
  ];
  return Object.fromEntries(named.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
