import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { firstRunFile } from "../first-run-file.ts";
import { loadPlatformConfig } from "../load-platform-config.ts";
import type { CliDeps } from "./context.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** It works, but something is to be looked at. */
  readonly isWarning?: boolean;
  readonly detail: string;
}

const timeoutMs = 5_000;

/** Looks at everything that keeps an installation from working. */
export async function examine(
  deps: CliDeps,
  options: { readonly config?: string; readonly dataDir?: string; readonly url?: string },
): Promise<Finding[]> {
  const node: Finding = { check: "node", ok: true, detail: process.version };
  let config: ReturnType<typeof loadPlatformConfig>["config"];
  try {
    const flags: Record<string, string> = options.dataDir === undefined ? {} : { dataDir: options.dataDir };
    ({ config } = loadPlatformConfig({ file: options.config, env: deps.env, flags, locale: deps.locale }));
  } catch (err) {
    return [node, { check: "configuration", ok: false, detail: String(err instanceof Error ? err.message : err) }];
  }
  const { host, port } = config.http;
  const url = options.url ?? deps.env["LYSS_URL"] ?? `http://${host}:${port}`;
  return [
    node,
    {
      check: "configuration",
      ok: true,
      detail: options.config ?? deps.env["LYSS_CONFIG"] ?? "defaults and environment",
    },
    examineDataDir(resolve(config.dataDir)),
    examineFirstRun(resolve(config.dataDir, firstRunFile)),
    ...(await examineRunning(url)),
  ];
}

function examineDataDir(dir: string): Finding {
  const check = "data directory";
  try {
    accessSync(existsSync(dir) ? dir : dirname(dir), constants.W_OK);
    return { check, ok: true, detail: existsSync(dir) ? dir : `${dir} (made at the first start)` };
  } catch {
    return { check, ok: false, detail: `${dir} is not writable: give another with LYSS_DATA_DIR, or change its owner` };
  }
}

function examineFirstRun(file: string): Finding {
  const check = "first-run secrets";
  if (!existsSync(file)) return { check, ok: true, detail: "not on disk" };
  const isPrivate = (statSync(file).mode & 0o077) === 0;
  return {
    check,
    ok: isPrivate,
    detail: isPrivate ? `${file}: keep it safe, or delete it` : `${file} can be read by others: chmod 600`,
  };
}

interface Check {
  readonly healthy: boolean;
  readonly status: string;
  readonly message?: string;
}

async function examineRunning(url: string): Promise<Finding[]> {
  try {
    const answer = await fetch(new URL("/health/ready", url), { signal: AbortSignal.timeout(timeoutMs) });
    const { checks } = (await answer.json()) as { checks: Record<string, Check> };
    const running = { check: "platform", ok: answer.ok, detail: url };
    const details = Object.entries(checks).map(([name, { healthy, status, message }]) => ({
      check: `  ${name}`,
      ok: healthy,
      isWarning: status === "degraded",
      detail: message ?? "",
    }));
    return [running, ...details];
  } catch {
    return [
      { check: "platform", ok: false, detail: `nothing answers at ${url}: start it with 'lyss up', or give --url` },
    ];
  }
}
