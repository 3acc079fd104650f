import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import net from "node:net";
import path from "node:path";
import type { Logger } from "pino";
import { type Clock, delay } from "../service/clock.ts";
import { isErrno } from "./embedded-binaries.ts";
import { spawnServerProgram } from "./embedded-identity.ts";
import { claimServer, type ServerClaim } from "./embedded-session.ts";
import { type EmbeddedSite, prepareSite, superuser } from "./embedded-site.ts";

/** A PostgreSQL server on this machine that belongs to one folder. */
export interface EmbeddedPostgres {
  /** Connection string of the superuser `lyss`. Contains its password. */
  readonly url: string;
  /** True when the server was already running: another process started it, or one that was killed left it behind. */
  readonly isAdopted: boolean;
  /**
   * Stops the server and resolves when it has ended; while another process uses it, it stays for them.
   * Close this process's own pools first. Safe to repeat.
   */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Folder of the database. Made when it is missing. */
  readonly dir: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Server settings to add or replace (https://www.postgresql.org/docs/18/runtime-config.html). */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Sessions that the server lets in: of several processes of the program, each with a pool of its own. */
export const embeddedConnections = 300;

// Durability stays PostgreSQL's own default: fsync, synchronous_commit and full_page_writes on. Only LOG, FATAL and
// PANIC go to the server's log file: an ordinary error is told to the client, and its values are kept nowhere.
const defaultSettings: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "64MB",
  max_connections: String(embeddedConnections),
  wal_compression: "on",
  jit: "off",
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
  log_checkpoints: "off",
};
/** Long enough for the recovery of a large database after a crash. */
const startLimitMs = 120_000;
const stopLimitSeconds = 60;
const serverLogLimitBytes = 1_048_576;
/** What ends by itself: another process is starting or stopping the server, or took the port before us. */
const passingCondition =
  /pre-existing shared memory block|"postmaster\.pid" (already exists|is empty)|Address already in use|Only one usage of each socket/;
/** The server fills its lock file right after it has made it: one that stays empty was left behind by a crash. */
const emptyLockAgeMs = 10_000;

/**
 * Starts a PostgreSQL server on `dir`, or adopts the one that runs there, and holds it until `stop`. The server
 * outlives a killed parent and is adopted by the next. Processes that start at once end up sharing one server. It
 * listens on a free loopback port only. Works for root and for an ordinary user.
 * Throws an Error that says what to do when no server can run here.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  // The clock's timers do not keep a process alive, and while it starts there may be nothing else that does.
  const keepAlive = new MessageChannel().port1;
  keepAlive.ref();
  try {
    return await startOrAdopt(options);
  } finally {
    keepAlive.close();
  }
}

async function startOrAdopt(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { clock, log } = options;
  const settings = { ...defaultSettings, ...options.settings };
  const site = await prepareSite(options.dir, clock);
  const deadlineMs = clock.monotonicMs() + startLimitMs;
  let isAdopted = true;
  for (;;) {
    const running = await claimRunning(site, clock);
    if (running) {
      log.info({ dir: options.dir, port: running.port, isAdopted }, "embedded PostgreSQL is ready");
      return { url: urlOf(site, running.port), isAdopted, stop: stopOnce(site, running.claim, options) };
    }
    const problem = await launchServer(site, settings, clock, deadlineMs);
    isAdopted = problem !== undefined;
    if (problem !== undefined && (!passingCondition.test(problem) || clock.monotonicMs() >= deadlineMs)) {
      throw new Error(
        `PostgreSQL did not start in ${options.dir}: ${problem} ` +
          `Solve this (its log is ${site.logFile}), or set LYSS_DATABASE_URL to a PostgreSQL server.`,
      );
    }
    if (isAdopted) await delay(clock, 50);
  }
}

function urlOf(site: EmbeddedSite, port: number): string {
  return `postgresql://${superuser}:${site.password}@127.0.0.1:${port}/postgres`;
}

/** The server that already runs on this folder, claimed; undefined when there is none that answers. */
async function claimRunning(
  site: EmbeddedSite,
  clock: Clock,
): Promise<{ readonly port: number; readonly claim: ServerClaim } | undefined> {
  const lock = readServerLock(site);
  if (!lock) return undefined;
  if (isAbandoned(site, lock.pid, clock)) {
    rmSync(lockFileOf(site), { force: true });
    return undefined;
  }
  if (!lock.isReady) return undefined;
  const claim = await claimServer(urlOf(site, lock.port), clock);
  return claim && { port: lock.port, claim };
}

function lockFileOf(site: EmbeddedSite): string {
  return path.join(site.dataDir, "postmaster.pid");
}

/** What the server has written about itself (src/include/utils/pidfile.h): pid, folder, start, port, …, state. Pid 0: nothing yet. */
function readServerLock(site: EmbeddedSite) {
  try {
    const lines = readFileSync(lockFileOf(site), "utf8").split("\n");
    return { pid: Number(lines[0]), port: Number(lines[3]), isReady: lines[7]?.trim() === "ready" };
  } catch (err) {
    if (isErrno(err, "ENOENT")) return undefined;
    throw err;
  }
}

/** After a crash the number may have gone to another program, and PostgreSQL would wait for that one to end. */
function isAbandoned(site: EmbeddedSite, pid: number, clock: Clock): boolean {
  if (pid !== 0) return !isServerProcess(pid);
  const madeMs = statSync(lockFileOf(site), { throwIfNoEntry: false })?.mtimeMs;
  return madeMs !== undefined && clock.nowMs() - madeMs > emptyLockAgeMs;
}

function isServerProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (err) {
    return isErrno(err, "EPERM");
  }
  if (process.platform !== "linux") return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
  } catch {
    return true;
  }
}

/** Starts the server and waits until it accepts connections. Gives back why it did not, undefined when it did. */
async function launchServer(
  site: EmbeddedSite,
  settings: Readonly<Record<string, string>>,
  clock: Clock,
  deadlineMs: number,
): Promise<string | undefined> {
  const port = await findPort(site);
  const log = openServerLog(site);
  let child: ChildProcess;
  try {
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const args = ["-D", site.dataDir, "-p", String(port), ...flags];
    child = spawnServerProgram(site, "postgres", args, ["ignore", log.fd, log.fd]);
  } finally {
    closeSync(log.fd);
  }
  try {
    return await waitUntilReady(site, child, log.startBytes, clock, deadlineMs);
  } finally {
    child.removeAllListeners();
    child.unref();
  }
}

async function waitUntilReady(
  site: EmbeddedSite,
  child: ChildProcess,
  logStartBytes: number,
  clock: Clock,
  deadlineMs: number,
): Promise<string | undefined> {
  let failure: string | undefined;
  child.once("error", (err) => {
    failure = err.message;
  });
  child.once("exit", () => {
    failure = readFileSync(site.logFile).subarray(logStartBytes).toString("utf8").trim().slice(-2_000);
  });
  while (failure === undefined) {
    const lock = readServerLock(site);
    if (lock?.pid === child.pid && lock?.isReady) return undefined;
    if (clock.monotonicMs() >= deadlineMs) return "it is still recovering, and goes on doing so; start again later.";
    await delay(clock, 4);
  }
  return failure;
}

function openServerLog(site: EmbeddedSite): { readonly fd: number; readonly startBytes: number } {
  const fd = openSync(site.logFile, "a", 0o600);
  const { owner } = site.identity;
  if (owner) fchownSync(fd, owner.uid, owner.gid);
  if (fstatSync(fd).size > serverLogLimitBytes) ftruncateSync(fd);
  return { fd, startBytes: fstatSync(fd).size };
}

/** The port of last time, so that processes which knew the server find it again; another one when it is taken. */
async function findPort(site: EmbeddedSite): Promise<number> {
  const optionsFile = path.join(site.dataDir, "postmaster.opts");
  const lastOptions = existsSync(optionsFile) ? readFileSync(optionsFile, "utf8") : "";
  return tryPort(Number(/"-p" "(\d+)"/.exec(lastOptions)?.[1] ?? 0)).catch(() => tryPort(0));
}

async function tryPort(port: number): Promise<number> {
  const server = net.createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("a TCP listener has a port");
  return address.port;
}

function stopOnce(site: EmbeddedSite, claim: ServerClaim, { dir, log }: EmbeddedPostgresOptions): () => Promise<void> {
  const stop = async () => {
    const { isStopped } = await claim.release(() => stopServer(site));
    log.info({ dir }, isStopped ? "embedded PostgreSQL has stopped" : "embedded PostgreSQL stays for its other users");
  };
  let stopping: Promise<void> | undefined;
  return () => {
    stopping ??= stop();
    return stopping;
  };
}

async function stopServer(site: EmbeddedSite): Promise<void> {
  const args = ["stop", "-D", site.dataDir, "-m", "fast", "-w", "-t", String(stopLimitSeconds)];
  const child = spawnServerProgram(site, "pg_ctl", args, ["ignore", "ignore", "ignore"]);
  await once(child, "exit");
}
