import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

/** One step of a schema's history: a file `NNNN_name.sql`. */
export interface Migration {
  /** 1 for the first; without gaps. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text with Unix line ends, in hex. */
  readonly checksum: string;
}

/** A step as the database remembers it. */
export type AppliedMigration = Omit<Migration, "sql">;

const fileNamePattern = /^(\d{4})_([a-z0-9_]+)\.sql$/;
/** A dump of a whole schema fits; a data file by mistake does not. */
const fileLimitBytes = 1_048_576;

/**
 * Reads a folder of migrations, in order. Throws an Error that names the file when a name is not `NNNN_name.sql`, a
 * number is missing or used twice, or a file is larger than 1 MiB.
 */
export async function readMigrations(dir: URL): Promise<readonly Migration[]> {
  const base = dir.href.endsWith("/") ? dir : new URL(`${dir.href}/`);
  const fileNames = (await readdir(base)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    fileNames.map(async (fileName, index) => {
      const match = fileNamePattern.exec(fileName);
      const version = index + 1;
      if (!match?.[2]) throw new Error(`migration ${fileName} in ${base.pathname} is not named NNNN_name.sql`);
      if (Number(match[1]) !== version) {
        const expected = String(version).padStart(4, "0");
        throw new Error(`migration ${fileName} in ${base.pathname} should have the number ${expected}`);
      }
      const bytes = await readFile(new URL(fileName, base));
      if (bytes.length > fileLimitBytes)
        throw new Error(`migration ${fileName} is larger than ${fileLimitBytes} bytes`);
      const sql = bytes.toString("utf8").replaceAll("\r\n", "\n");
      return { version, name: match[2], sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/**
 * The migrations that are still to be applied to a schema, in order. Throws an Error when the applied ones are not a
 * beginning of the known ones: one was changed after it ran, or the database is newer than the program.
 */
export function planMigrations(
  schema: string,
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  const ordered = applied.toSorted((a, b) => a.version - b.version);
  for (const step of ordered) {
    const file = known[step.version - 1];
    if (!file) {
      throw new Error(
        `the database is newer than this program: schema ${schema} has migration ${step.version} (${step.name}), ` +
          `the program knows ${known.length}. Start the newer program.`,
      );
    }
    if (file.name !== step.name || file.checksum !== step.checksum) {
      throw new Error(
        `migration ${step.version} (${step.name}) of schema ${schema} was changed after it was applied. ` +
          "Restore the file and put the change into a new migration.",
      );
    }
  }
  return known.slice(ordered.length);
}
