import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import type Postgres from "postgres";
import { driverFixes } from "./driver-fixes.ts";

// A copy of its own, so that one which somebody else has loaded as it is plays no part.
const copyMark = "?lyss";

/**
 * postgres.js 3.4.9 with the corrections of `driver-fixes.ts`. The only place from which it is imported.
 * Throws an Error on load when a correction does not fit the installed version.
 */
export const postgres: typeof Postgres = await loadDriver();

hideValuesOfErrors();

async function loadDriver(): Promise<typeof Postgres> {
  const entry = new URL(import.meta.resolve("postgres"));
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      if (!url.endsWith(copyMark)) return nextLoad(url, context);
      const fileName = url.slice(url.lastIndexOf("/") + 1, -copyMark.length);
      const source = correct(fileName, readFileSync(new URL(url), "utf8"));
      return { format: "module", source, shortCircuit: true };
    },
  });
  try {
    const { default: driver } = await import(entry.href + copyMark);
    return driver;
  } finally {
    hooks.deregister();
  }
}

function correct(fileName: string, original: string): string {
  let source = original.replaceAll(/(from '\.\/[a-z]+\.js)'/g, `$1${copyMark}'`);
  for (const fix of driverFixes.filter(({ file }) => file === fileName)) {
    if (source.split(fix.before).length !== 2) {
      throw new Error(`kit/db/driver-fixes.ts does not fit the installed postgres.js: ${fix.why}`);
    }
    source = source.replace(fix.before, () => fix.after);
  }
  return source;
}

/**
 * A server's error quotes values of the failing row in these fields ("Key (email)=(…) already exists"). They stay
 * readable by name, and are left out when the error is logged, as the driver does with the query's parameters.
 */
function hideValuesOfErrors(): void {
  for (const field of ["detail", "where", "internal_query"]) {
    Object.defineProperty(postgres.PostgresError.prototype, field, {
      configurable: true,
      set(value: unknown) {
        Object.defineProperty(this, field, { value, enumerable: false, configurable: true, writable: true });
      },
    });
  }
}
