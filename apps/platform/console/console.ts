import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { Site, SiteFile } from "@lyss/kit/http/site.ts";
import { hashSources } from "@lyss/kit/http/site-sources.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import { loadSiteFiles, readBuildHash } from "./site-files.ts";
import { type ConsoleState, noticeOf, progressLines } from "./texts.ts";

export interface ConsoleOptions {
  readonly dataDir: string;
  /** False in one of several gateway processes: the one that started them builds. */
  readonly mayBuild: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly locale: Locale;
  readonly log: Logger;
  readonly clock: Clock;
  /** Shows a person text on the terminal. */
  readonly write: (text: string) => void;
}

/** The web console, which is built from its sources once, unless it came built. */
export interface Console extends Site {
  /** Gives a build up that is under way. */
  stop(): void;
}

const sources = fileURLToPath(new URL("../../console/", import.meta.url));
/** How often a process that does not build looks whether it was built elsewhere. */
const lookEveryMs = 1_000;
const buildLimitMs = 300_000;
const maxKeptOutput = 4_000;
/** Behind everything that serves. */
const buildPriority = 10;

/**
 * Looks for the console as it was built from the sources that are here, in `apps/console/dist` and below the data directory; builds it
 * there, in a process of its own, when it is missing. Returns at once and never throws: what goes wrong is shown where the console
 * would be, and in the log.
 */
export function openConsole(options: ConsoleOptions): Console {
  const { dataDir, mayBuild, log, clock } = options;
  let state: ConsoleState = "building";
  let files: ReadonlyMap<string, SiteFile> | undefined;
  let hash: string | undefined;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let child: ChildProcess | undefined;
  let isStopped = false;

  const builtDir = (wanted: string) => join(dataDir, "console", wanted);

  function look(): void {
    if (files || hash === undefined || clock.monotonicMs() - lookedMs < lookEveryMs) return;
    lookedMs = clock.monotonicMs();
    const dir = [join(sources, "dist"), builtDir(hash)].find((one) => readBuildHash(one) === hash);
    if (dir !== undefined) files = loadSiteFiles(dir);
  }

  async function prepare(): Promise<void> {
    hash = await hashSources(sources);
    look();
    if (files || !mayBuild || isStopped) return;
    options.write(progressLines[options.locale].building);
    mkdirSync(join(dataDir, "console"), { recursive: true });
    child = startBuild(builtDir(hash), hash, options.env);
    const { code, output } = await ended(child, clock);
    if (isStopped) return;
    lookedMs = Number.NEGATIVE_INFINITY;
    look();
    if (files) return options.write(progressLines[options.locale].built);
    log.warn({ code, output: output.slice(-maxKeptOutput) }, "the console could not be built; the API runs without it");
    state = "failed";
    options.write(progressLines[options.locale].failed);
  }

  void prepare().catch((err: unknown) => {
    log.warn({ err }, "the console could not be built; the API runs without it");
    state = "failed";
  });
  return {
    files() {
      look();
      return files;
    },
    notice: (locale) => noticeOf(state, locale),
    stop() {
      isStopped = true;
      child?.kill("SIGTERM");
    },
  };
}

function startBuild(outDir: string, hash: string, { PATH = "", HOME = "" }: ConsoleOptions["env"]): ChildProcess {
  const child = spawn(process.execPath, [join(sources, "build.ts"), outDir, hash], {
    cwd: sources,
    env: { PATH, HOME, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    if (child.pid !== undefined) setPriority(child.pid, buildPriority);
  } catch {
    // It has ended, or may not be made to wait: it is built all the same.
  }
  return child;
}

function ended(child: ChildProcess, clock: Clock): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-maxKeptOutput);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    const cancel = clock.setTimer(buildLimitMs, () => child.kill("SIGKILL"));
    const end = (code: number | null) => {
      cancel();
      resolve({ code, output });
    };
    child.once("error", (err) => {
      output += err.message;
      end(null);
    });
    child.once("close", end);
  });
}
