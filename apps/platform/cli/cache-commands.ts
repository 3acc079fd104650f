import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields } from "./print.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/ai/cache";

/** `lyss cache get|put|delete|purge`. */
export function addCacheCommands(program: Command, deps: CliDeps): void {
  const cache = program.command("cache").description("answers that are given again to who asks the same");

  withConnection(cache.command("get").description("show for which calls, and what is kept")).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", path), toText);
  });

  withConnection(cache.command("put").description("let calls be answered from the cache"))
    .requiredOption("--max-age <seconds>", "for how long an answer is given again", readCount)
    .option("--key <id...>", "only calls with these keys; all unless given")
    .action(async ({ maxAge, key: keys, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PUT", path, { max_age_seconds: maxAge, keys }), toText);
    });

  withConnection(cache.command("delete").description("only calls that ask for it by 'lyss-cache' use it")).action(
    async (options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", path), () => "The cache is off, unless a call asks for it.");
    },
  );

  withConnection(cache.command("purge").description("forget all answers that are kept")).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("POST", `${path}:purge`), (it) => `${it["purged_answers"]} answers are forgotten.`);
  });
}

function toText(it: Row): string {
  return toFields({
    ...{ "max age": `${it["max_age_seconds"]} s`, keys: (it["keys"] as string[]).join(" ") || "all" },
    ...{ answers: it["answers"], bytes: it["bytes"], version: it["version"] },
  });
}
