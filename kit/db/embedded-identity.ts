import { spawn, spawnSync } from "node:child_process";
import { chownSync, lchownSync, readdirSync, realpathSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ServerBinaries } from "./embedded-binaries.ts";

/** As whom PostgreSQL runs: it refuses root, and needs a user that the system knows. */
export interface ServerIdentity {
  /** User and group to switch to, and to own the files; undefined to stay who we are. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Command and arguments to put before a PostgreSQL command. */
  readonly prefix: readonly string[];
}

/** `nobody` on every system we know. */
const nobodyId = 65_534;
// Inside, the server believes it is `nobody`; outside, it keeps our rights on files below a private folder.
const userNamespace = ["unshare", "-U", `--map-user=${nobodyId}`, `--map-group=${nobodyId}`];
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Chooses the identity for a server on the existing folder `dir`: an ordinary user runs it as it is; root hands it to
 * the folder's owner, or to `nobody`, where that user can reach the files, and otherwise uses a user namespace.
 * Throws an Error that says what to do when neither is possible.
 */
export function chooseServerIdentity(binaries: ServerBinaries, dir: string): ServerIdentity {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && isKnownUser()) return { owner: undefined, prefix: [] };
  const { uid, gid } = statSync(dir);
  const owner = uid === 0 ? { uid: nobodyId, gid: nobodyId } : { uid, gid };
  if (isRoot && canEnter(owner.uid, binaries.binDir) && canEnter(owner.uid, path.dirname(realpathSync(dir)))) {
    return { owner, prefix: [] };
  }
  const [command = "", ...args] = [...userNamespace, "true"];
  if (spawnSync(command, args, { env: { PATH: searchPath } }).status === 0) {
    return { owner: isRoot ? { uid: 0, gid: 0 } : undefined, prefix: userNamespace };
  }
  throw new Error(
    isRoot
      ? `PostgreSQL does not run as root, and ${dir} or the program lies below a folder that other users may not enter. ` +
          "Start Lyss as an ordinary user, move it to a folder open to all (chmod o+x), " +
          "or set LYSS_DATABASE_URL to a PostgreSQL server."
      : `PostgreSQL needs a user that /etc/passwd knows, and uid ${process.getuid?.()} is not in it. ` +
          "Add the user, or set LYSS_DATABASE_URL to a PostgreSQL server.",
  );
}

/** Makes everything below `dir` belong to the identity, as after a change of user or of a parent folder's mode. */
export function takeOwnership(identity: ServerIdentity, dir: string): void {
  const { owner } = identity;
  if (!owner || statSync(dir).uid === owner.uid) return;
  for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
    lchownSync(path.join(dir, name), owner.uid, owner.gid);
  }
  chownSync(dir, owner.uid, owner.gid);
}

/** Starts one of PostgreSQL's programs as that identity, in a session of its own, with a clean environment. */
export function spawnServerProgram(
  { binaries, identity }: { readonly binaries: ServerBinaries; readonly identity: ServerIdentity },
  program: "initdb" | "postgres" | "pg_ctl",
  args: readonly string[],
  stdio: ["ignore", "ignore" | number, "pipe" | "ignore" | number],
) {
  const [command = "", ...rest] = [...identity.prefix, path.join(binaries.binDir, program), ...args];
  const hasOwner = identity.owner !== undefined && identity.owner.uid !== 0;
  return spawn(command, rest, {
    ...(hasOwner ? identity.owner : {}),
    cwd: path.parse(binaries.binDir).root,
    env: {
      PATH: searchPath,
      LC_ALL: "C",
      TZ: "UTC",
      ...(binaries.libraryPath === undefined
        ? {}
        : { LD_LIBRARY_PATH: binaries.libraryPath, DYLD_LIBRARY_PATH: binaries.libraryPath }),
    },
    stdio,
    detached: true,
    windowsHide: true,
  });
}

function isKnownUser(): boolean {
  try {
    return os.userInfo().username !== "";
  } catch {
    return false;
  }
}

/** True when that user may enter every folder from the root down to `dir`. Groups are left out: no is a safe answer. */
function canEnter(uid: number, dir: string): boolean {
  const { mode, uid: ownerUid } = statSync(dir);
  if ((mode & (ownerUid === uid ? 0o100 : 0o001)) === 0) return false;
  return path.dirname(dir) === dir || canEnter(uid, path.dirname(dir));
}
