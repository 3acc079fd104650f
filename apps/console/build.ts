import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { hashSources } from "@lyss/kit/http/site-sources.ts";
import { build } from "vite";
import config from "./vite.config.ts";

// node build.ts [folder [hash of the sources]]: builds the console, compresses it, and puts it in place as a whole.
const [folder = join(import.meta.dirname, "dist"), given] = process.argv.slice(2);
const target = resolve(folder);
const draft = `${target}.${randomBytes(4).toString("hex")}.draft`;
const hash = given ?? (await hashSources(`${import.meta.dirname}/`));

try {
  await mkdir(dirname(target), { recursive: true });
  await build({
    ...(config as object),
    configFile: false,
    logLevel: "warn",
    build: { ...(config as { build: object }).build, outDir: draft, emptyOutDir: true },
  });
  const entries = await readdir(draft, { recursive: true, withFileTypes: true });
  await Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => compressFile(join(entry.parentPath, entry.name))),
  );
  await writeFile(join(draft, "build.json"), `${JSON.stringify({ hash })}\n`);
  // Somebody else may have been as quick: theirs is the same.
  await rm(target, { recursive: true, force: true });
  await rename(draft, target);
} finally {
  await rm(draft, { recursive: true, force: true });
}

async function compressFile(file: string): Promise<void> {
  if (![".js", ".css", ".html", ".svg", ".json"].includes(extname(file))) return;
  const bytes = await readFile(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(bytes, { params }),
    promisify(gzip)(bytes, { level: 9 }),
  ]);
  if (br.length < bytes.length) await writeFile(`${file}.br`, br);
  if (gz.length < bytes.length) await writeFile(`${file}.gz`, gz);
}
