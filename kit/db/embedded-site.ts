import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";

import path from "node:path";
import { text } from "node:stream/consumers";
import type { Clock } from "../service/clock.ts";
import { findServerBinaries, isErrno, type ServerBinaries } from "./embedded-binaries.ts";
import { chooseServerIdentity, type ServerIdentity, spawnServerProgram, takeOwnership } from "./embedded-identity.ts";

/** One embedded database on disk, and as whom its server runs. */
export interface EmbeddedSite {
  readonly binaries: ServerBinaries;
  readonly identity: ServerIdentity;
  readonly dataDir: string;
  readonly logFile: string;
  /** Of the superuser. Made once, by initdb. */
  readonly password: string;
}

export const superuser = "lyss";
/** No initdb takes as long: what is older was left behind by a process that was killed. */
const abandonedAgeMs = 600_000;

/**
 * Makes `dir` ready to serve from, creating the database when there is none. Safe to repeat, in several processes at
 * once and after a crash at any moment. Throws an Error that says what to do.
 */
export async function prepareSite(dir: string, clock: Clock): Promise<EmbeddedSite> {
  const siteDir = path.resolve(dir);
  const clusterDir = path.join(siteDir, "cluster");
  try {
    mkdirSync(siteDir, { recursive: true, mode: 0o755 });
    const binaries = findServerBinaries(path.join(siteDir, "lib"));
    const identity = chooseServerIdentity(binaries, siteDir);
    takeOwnership(identity, siteDir);
    chmodSync(siteDir, 0o700);
    if (!existsSync(clusterDir)) await createCluster(clusterDir, { binaries, identity }, clock);
    return {
      binaries,
      identity,
      dataDir: path.join(clusterDir, "data"),
      logFile: path.join(clusterDir, "server.log"),
      password: readFileSync(path.join(clusterDir, "password"), "utf8").trim(),
    };
  } catch (cause) {
    if (!isErrno(cause, "EACCES", "EPERM", "EROFS")) throw cause;
    throw new Error(
      `${siteDir} cannot be used: it belongs to another user, or may not be written. Start Lyss as the user that ` +
        "made it, choose another data directory, or set LYSS_DATABASE_URL to a PostgreSQL server.",
      { cause },
    );
  }
}

/** Makes the cluster aside and moves it into place whole: a crash leaves none, and of two racing processes one wins. */
async function createCluster(
  clusterDir: string,
  server: Pick<EmbeddedSite, "binaries" | "identity">,
  clock: Clock,
): Promise<void> {
  const siteDir = path.dirname(clusterDir);
  removeAbandoned(siteDir, clock);
  const newDir = mkdtempSync(path.join(siteDir, "new-"));
  try {
    const passwordFile = path.join(newDir, "password");
    writeFileSync(passwordFile, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
    takeOwnership(server.identity, newDir);
    await runInitdb(server, path.join(newDir, "data"), passwordFile);
    renameSync(newDir, clusterDir);
  } catch (err) {
    rmSync(newDir, { recursive: true, force: true });
    if (!isErrno(err, "ENOTEMPTY", "EEXIST")) throw err;
  }
}

function removeAbandoned(siteDir: string, clock: Clock): void {
  for (const name of readdirSync(siteDir).filter((entry) => entry.startsWith("new-"))) {
    const abandoned = path.join(siteDir, name);
    const ageMs = clock.nowMs() - (statSync(abandoned, { throwIfNoEntry: false })?.mtimeMs ?? clock.nowMs());
    if (ageMs > abandonedAgeMs) rmSync(abandoned, { recursive: true, force: true });
  }
}

async function runInitdb(
  server: Pick<EmbeddedSite, "binaries" | "identity">,
  dataDir: string,
  passwordFile: string,
): Promise<void> {
  const child = spawnServerProgram(
    server,
    "initdb",
    [
      `--pgdata=${dataDir}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--data-checksums",
      "--no-instructions",
    ],
    ["ignore", "ignore", "pipe"],
  );
  const [errorText, [exitCode]] = await Promise.all([child.stderr ? text(child.stderr) : "", once(child, "close")]);
  if (exitCode !== 0) {
    throw new Error(
      `PostgreSQL could not create its database in ${path.dirname(path.dirname(dataDir))}: ${errorText.trim()} ` +
        "Solve this, or set LYSS_DATABASE_URL to a PostgreSQL server.",
    );
  }
}
