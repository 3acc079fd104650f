import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { type SiteFile, toSiteFile } from "@lyss/kit/http/site.ts";

/** Written last: a folder without it is half a build. */
const stamp = "build.json";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".png": "image/png",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

/** The hash of the sources from which a folder was built; undefined where nothing whole was built. */
export function readBuildHash(dir: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, stamp), "utf8")).hash;
  } catch {
    return undefined;
  }
}

/** Every file of a build that a browser may ask for, by its path. Only what is listed here can be asked for. */
export function loadSiteFiles(dir: string): ReadonlyMap<string, SiteFile> {
  const files = new Map<string, SiteFile>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = `/${relative(dir, file).split(sep).join("/")}`;
    const contentType = types[extname(entry.name)];
    if (!entry.isFile() || contentType === undefined || path === `/${stamp}`) continue;
    const [br, gzip] = [".br", ".gz"].map((end) => (existsSync(file + end) ? readFileSync(file + end) : undefined));
    const isImmutable = path.startsWith("/assets/");
    files.set(path, toSiteFile({ contentType, isImmutable, plain: readFileSync(file), br, gzip }));
  }
  return files;
}
