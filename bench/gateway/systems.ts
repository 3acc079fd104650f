import { type ChildProcess, execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { findFreePort } from "@lyss/kit/testing/peer-program.ts";
import { moveTo, readUsage, spawnPinned, stop, sumUsage, type Usage } from "./processes.ts";

/** The core that the system under test has to itself, and the one for the mock and the load. */
export const systemCore = 0;
export const loadCore = 1;

export const repositoryRoot = join(import.meta.dirname, "../..");
const readyTimeoutMs = 60_000;
const pollMs = 50;

/** `sockets` is what Node takes for passing bytes on; `lyss-2` is Lyss with two gateway processes, `gateway` one of them alone. */
export const systemNames = ["direct", "nginx", "sockets", "lyss", "lyss-2", "gateway", "portkey"] as const;
export type SystemName = (typeof systemNames)[number];

/** Something that carries calls to the mock, freshly started. */
export interface System {
  readonly name: SystemName;
  readonly port: number;
  /** Headers that its clients send. */
  readonly headers: readonly string[];
  /** Of Lyss's first person. */
  readonly adminPassword?: string;
  /** True for one that answers streams with an error; the rest of it is measured. */
  readonly isUnaryOnly?: boolean;
  /** Of processes that serve calls, each of which has to warm up; default 1. */
  readonly processes?: number;
  /** Usage of each of its parts. */
  measure(): Readonly<Record<string, Usage>>;
  stop(): Promise<void>;
}

export type StartSystem = (mockPort: number) => Promise<System>;

/** No proxy at all: what mock and load cost by themselves. */
export const startDirect: StartSystem = async (mockPort) => ({
  name: "direct",
  port: mockPort,
  headers: ["Content-Type: application/json"],
  measure: () => ({}),
  stop: async () => undefined,
});

/** The version of the nginx on PATH; throws when there is none. */
export function readNginxVersion(): string {
  try {
    return execFileSync("sh", ["-c", "PATH=$PATH:/usr/sbin nginx -v 2>&1"], { encoding: "utf8" }).trim();
  } catch {
    throw new Error(
      "nginx is what Lyss is compared with, and it is not installed (Debian: apt-get install -y nginx-light)",
    );
  }
}

/** nginx with one worker, a keep-alive upstream and nothing else to do. */
export const startNginx: StartSystem = async (mockPort) => {
  const folder = mkdtempSync(join(tmpdir(), "lyss-bench-nginx-"));
  const port = await findFreePort();
  const config = join(folder, "nginx.conf");
  writeFileSync(config, nginxConfig(folder, port, mockPort));
  const path = `${process.env.PATH}:/usr/sbin`;
  const child = spawnPinned(systemCore, "nginx", ["-p", folder, "-c", config, "-e", join(folder, "error.log")], {
    env: { PATH: path },
  });
  await untilReady(child, port, "/v1/models");
  return {
    name: "nginx",
    port,
    headers: ["Content-Type: application/json"],
    measure: () => ({ nginx: readUsage(processId(child)) }),
    async stop() {
      await stop(child);
      rmSync(folder, { recursive: true });
    },
  };
};

function nginxConfig(folder: string, port: number, mockPort: number): string {
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_body_buffer_size 128k;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  upstream mock {
    server 127.0.0.1:${mockPort};
    keepalive 2048;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}

/** True when this repository has a program to start. */
export function canStartLyss(): boolean {
  return existsSync(join(repositoryRoot, "bin/lyss")) && existsSync(join(repositoryRoot, "apps/platform/main.ts"));
}

/** Lyss as `lyss up` starts it, in a new data directory, with the mock as its one configured provider. */
export const startLyss: StartSystem = (mockPort) => startLyssWith({ name: "lyss" }, mockPort);

/** The same with more configuration, and with all cores: as it runs where nobody measures what a call costs. */
export function startLyssConfigured(config: object): StartSystem {
  return (mockPort) => startLyssWith({ name: "lyss", config, core: "all" }, mockPort);
}

/** The same with its console, which it builds first. */
export const startLyssWithConsole: StartSystem = (mockPort) =>
  startLyssWith({ name: "lyss", env: { LYSS_HTTP_CONSOLE: "true" } }, mockPort);

/**
 * The same with two gateway processes, each on a core of its own, as two are started for. The second has mock and load beside it, whose time
 * is not counted. Both on one core took 189 µs for a call, and 133 so, in turns (services/ai-gateway/hot/README.md).
 */
export const startLyssPair: StartSystem = (mockPort) =>
  startLyssWith({ name: "lyss-2", args: ["--gateways", "2"], isSpread: true }, mockPort);

/** The same, and a CPU profile of all its life lies in `folder` once it has stopped. */
export function startLyssProfiled(folder: string): StartSystem {
  return (mockPort) => startLyssWith({ name: "lyss", nodeArgs: ["--cpu-prof", `--cpu-prof-dir=${folder}`] }, mockPort);
}

/** The same, with a line about each second of its life in `file`. */
export function startLyssWatched(file: string): StartSystem {
  const nodeArgs = ["--import", join(import.meta.dirname, "watch-process.ts")];
  return (mockPort) => startLyssWith({ name: "lyss", nodeArgs, env: { BENCH_WATCH_FILE: file } }, mockPort);
}

/** A new installation builds its console in the background, for half a minute on the core that is measured. */
export const withoutConsole = { LYSS_HTTP_CONSOLE: "false" };

interface LyssOptions {
  readonly name: SystemName;
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: object;
  /** Default `systemCore`. */
  readonly core?: "all";
  /** True where its gateway processes are on both cores in turn. */
  readonly isSpread?: boolean;
}

/** A new folder of its own for Lyss, with its configuration. */
export function prepareLyss(
  mockPort: number,
  more: object = {},
): {
  readonly folder: string;
  readonly dataDir: string;
  readonly config: string;
} {
  const folder = mkdtempSync(join(tmpdir(), "lyss-bench-"));
  // The embedded database runs as a user without rights when we are root, and has to get at its folder.
  chmodSync(folder, 0o755);
  const dataDir = join(folder, "data");
  mkdirSync(dataDir);
  const config = join(folder, "lyss.yaml");
  writeFileSync(config, lyssConfig(mockPort, more));
  return { folder, dataDir, config };
}

async function startLyssWith(
  { name, args = [], nodeArgs = [], env = {}, config: more, core, isSpread = false }: LyssOptions,
  mockPort: number,
): Promise<System> {
  const { folder, dataDir, config } = prepareLyss(mockPort, more);
  const port = await findFreePort();
  const child = spawnPinned(
    core ?? systemCore,
    process.execPath,
    [...nodeArgs, join(repositoryRoot, "bin/lyss"), "up", "--config", config, ...args],
    {
      env: { ...withoutConsole, ...env, LYSS_DATA_DIR: dataDir, LYSS_HTTP_PORT: String(port) },
    },
  );
  const gatewayIds: number[] = [];
  if (child.stdout) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes("a gateway process is started")) gatewayIds.push(JSON.parse(line).pid);
    });
  }
  const end = async () => {
    const databaseId = findDatabaseId(dataDir);
    await stop(child);
    await stopDatabase(databaseId);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, port, "/health/ready");
    if (isSpread) for (const [index, id] of gatewayIds.entries()) moveTo(index % 2 === 0 ? systemCore : loadCore, id);
    const { apiKey, adminPassword } = JSON.parse(await readWhenWritten(join(dataDir, "first-run.json")));
    return {
      name,
      port,
      adminPassword,
      ...(gatewayIds.length > 0 && { processes: gatewayIds.length }),
      headers: ["Content-Type: application/json", `Authorization: Bearer ${apiKey}`],
      measure: () => measureLyss(processId(child), gatewayIds, dataDir),
      stop: end,
    };
  } catch (err) {
    await end();
    throw err;
  }
}

/** A configuration file with the mock as the one provider; JSON is YAML. */
function lyssConfig(mockPort: number, more: object): string {
  const price = { inputUsdPerMillion: "0.0001", outputUsdPerMillion: "0.0001" };
  const mock = { name: "mock", dialect: "openai", baseUrl: `http://127.0.0.1:${mockPort}/v1`, apiKey: "sk-mock" };
  return JSON.stringify({ providers: [{ ...mock, models: [{ name: "mock-model", ...price }] }], ...more });
}

function measureLyss(
  platformId: number,
  gatewayIds: readonly number[],
  dataDir: string,
): Readonly<Record<string, Usage>> {
  const databaseId = findDatabaseId(dataDir);
  const gateways = sumUsage(gatewayIds.map((id) => readUsage(id)));
  return {
    platform: readUsage(platformId, [...gatewayIds, ...(databaseId === undefined ? [] : [databaseId])]),
    ...(gatewayIds.length > 0 && { gateways }),
    ...(databaseId !== undefined && { postgresql: readUsage(databaseId) }),
  };
}

/** The id of the database server that runs on a folder below `folder`; it is the first line of its postmaster.pid. */
export function findDatabaseId(folder: string): number | undefined {
  const found = readdirSync(folder, { withFileTypes: true, recursive: true }).find(
    ({ name }) => name === "postmaster.pid",
  );
  if (!found) return undefined;
  return Number(readFileSync(join(found.parentPath, found.name), "utf8").split("\n")[0]) || undefined;
}

/** The database outlives the platform by design; here it must not. SIGINT is PostgreSQL's fast shutdown. */
export async function stopDatabase(id: number | undefined): Promise<void> {
  if (id === undefined) return;
  const isAlive = (signal: NodeJS.Signals | 0) => {
    try {
      return process.kill(id, signal);
    } catch {
      return false;
    }
  };
  isAlive("SIGINT");
  for (let waitedMs = 0; isAlive(0); waitedMs += pollMs) {
    if (waitedMs > readyTimeoutMs) throw new Error(`the database server ${id} does not stop`);
    await delay(systemClock, pollMs);
  }
}

/** The text of a file that appears complete; the first key is made once the services answer. */
export async function readWhenWritten(path: string): Promise<string> {
  for (let waitedMs = 0; !existsSync(path); waitedMs += pollMs) {
    if (waitedMs > readyTimeoutMs) throw new Error(`${path} is not there after ${readyTimeoutMs} ms`);
    await delay(systemClock, pollMs);
  }
  return readFileSync(path, "utf8");
}

export function processId(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnargs.join(" ")} could not be started`);
  return child.pid;
}

export async function untilReady(child: ChildProcess, port: number, path: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.slice(3).join(" ")} ended with ${child.exitCode}`);
    const res = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    await res?.arrayBuffer();
    if (res?.ok) return;
    if (waitedMs > readyTimeoutMs) throw new Error(`${path} on port ${port} is not ready after ${readyTimeoutMs} ms`);
    await delay(systemClock, pollMs);
  }
}
