import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { copySeedData } from "./seed-data.ts";

const lyss = fileURLToPath(new URL("../bin/lyss", import.meta.url));

export interface PlatformOptions {
  /** The configuration file, as an object: JSON is YAML. */
  readonly config?: object;
  /**
   * An existing data directory. Unless it is given, one is made in which there was a first start before, and removed at the
   * end; an empty one where this program is told of a database or key of its own.
   */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What a line of its output says when it is up. */
  readonly readyWhen?: RegExp;
}

/** A platform in a process of its own, started as a user would start it. */
export interface RunningPlatform {
  /** Address of the public listener; empty when it has none. */
  readonly url: string;
  /** The first run's key; empty when another process made it. */
  readonly apiKey: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** kill -9, and nothing else: its database stays behind as an orphan. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const maxShownChars = 4_000;
const ready = /Lyss is ready at\s+(http\S+)/;

/** Starts a platform and resolves when it says that it is ready. Rejects with its output when it ends before that. */
export async function runPlatform(
  t: { after(work: () => Promise<void>): void },
  options: PlatformOptions = {},
): Promise<RunningPlatform> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "lyss-test-"));
  if (options.dataDir === undefined && !hasDataElsewhere(options)) await copySeedData(dataDir);
  const file = join(dataDir, "lyss.yaml");
  if (options.config) writeFileSync(file, JSON.stringify(options.config));
  const args = [lyss, "up", ...(options.config ? ["--config", file] : []), ...(options.args ?? [])];
  const env = {
    ...{ PATH: process.env["PATH"] ?? "", LYSS_HTTP_PORT: "0", LYSS_DATA_DIR: dataDir },
    // Building it takes seconds; the test that looks at it asks for it.
    LYSS_HTTP_CONSOLE: "false",
    // A test's provider is asked what the test asks of it, unless the test is about that.
    ...(!asksForProbes(options) && { LYSS_AI_GATEWAY_PROBES_EVERY_MS: "0" }),
    ...options.env,
  };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let isWanted = false;
  const end = async (signal: NodeJS.Signals) => {
    isWanted = true;
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  t.after(async () => {
    await end("SIGTERM");
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  });
  const { url, output } = await waitUntilReady(child, options.readyWhen ?? ready);
  child.once("close", (code, signal) => {
    // Its clients only see their connections end.
    if (!isWanted)
      console.error(`the platform ended by itself (${code ?? signal}):\n${output().slice(-maxShownChars)}`);
  });
  return {
    url,
    apiKey: readApiKey(dataDir),
    dataDir,
    pid: child.pid ?? 0,
    output,
    kill: () => end("SIGKILL"),
    async stop() {
      await end("SIGTERM");
      return child.exitCode;
    },
  };
}

function asksForProbes({ config = {} }: PlatformOptions): boolean {
  const { aiGateway } = config as { readonly aiGateway?: object };
  return aiGateway !== undefined && "probes" in aiGateway;
}

function hasDataElsewhere({ config = {}, env = {} }: PlatformOptions): boolean {
  return "database" in config || "rootKey" in config || "LYSS_DATABASE_URL" in env || "LYSS_ROOT_KEY" in env;
}

async function waitUntilReady(child: ChildProcess, readyWhen: RegExp) {
  const lines: string[] = [];
  const output = () => lines.join("\n");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      const match = readyWhen.exec(line);
      if (match) resolve(match[1] ?? "");
    });
  }
  child.once("close", (code) => reject(new Error(`the platform ended with ${code} before it was ready:\n${output()}`)));
  return { url: await promise, output };
}

function readApiKey(dataDir: string): string {
  try {
    return JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8")).apiKey;
  } catch {
    return "";
  }
}

/** A request with a key; the JSON of the answer and its status. */
export async function requestJson(
  url: string,
  apiKey: string,
  init: { readonly method?: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown>; readonly headers: Headers }> {
  const answer = await fetch(url, {
    method: init.method ?? (init.body === undefined ? "GET" : "POST"),
    headers: {
      ...(apiKey !== "" && { authorization: `Bearer ${apiKey}` }),
      ...(init.body !== undefined && { "content-type": "application/json" }),
      ...init.headers,
    },
    ...(init.body !== undefined && { body: typeof init.body === "string" ? init.body : JSON.stringify(init.body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? {} : JSON.parse(text), headers: answer.headers };
}
