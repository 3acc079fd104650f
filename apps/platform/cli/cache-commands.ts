import { type Command, InvalidArgumentError, Option } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields } from "./print.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const path = "/api/v1/ai/cache";

/** `lyss cache get|put|delete|purge`. */
export function addCacheCommands(program: Command, deps: CliDeps): void {
  const cache = program
    .command("cache")
    .description("answers that are given again to who asks the same, or what is alike");

  withConnection(cache.command("get").description("show for which calls, and what is kept")).action(async (options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", path), toText);
  });

  withConnection(cache.command("put").description("let calls be answered from the cache"))
    .requiredOption("--max-age <seconds>", "for how long an answer is given again", readCount)
    .option("--key <id...>", "only calls with these keys; all unless given")
    .addOption(
      new Option("--scope <scope>", "who shares answers; everybody of the tenant unless given").choices([
        ...["tenant", "user", "key"],
      ]),
    )
    .option("--embedding-model <model>", "compare questions by it: those that are alike share an answer, too")
    .option("--min-similarity <cosine>", "how near they have to be, 0.5 to 1; 0.95 unless given", readCosine)
    .option("--embedding-timeout <ms>", "go on without a vector that takes longer; 1000 unless given", readCount)
    .action(async ({ maxAge, key: keys, scope, embeddingModel, minSimilarity, embeddingTimeout, ...options }) => {
      const { api, output } = connect(deps, options);
      const how = { min_similarity: minSimilarity, timeout_ms: embeddingTimeout };
      if (embeddingModel === undefined && (minSimilarity ?? embeddingTimeout) !== undefined) {
        throw new InvalidArgumentError("--min-similarity and --embedding-timeout need --embedding-model.");
      }
      const semantic = embeddingModel === undefined ? null : { embedding_model: embeddingModel, ...how };
      print(output, await api.send("PUT", path, { max_age_seconds: maxAge, keys, scope, semantic }), toText);
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

function readCosine(text: string): number {
  const cosine = Number(text);
  if (text.trim() === "" || !(cosine >= 0.5 && cosine <= 1)) throw new InvalidArgumentError("It is from 0.5 to 1.");
  return cosine;
}

function toText(it: Row): string {
  const semantic = it["semantic"] as Row | null;
  return toFields({
    ...{ "max age": `${it["max_age_seconds"]} s`, keys: (it["keys"] as string[]).join(" ") || "all" },
    ...{ scope: it["scope"], "compared by": semantic?.["embedding_model"] ?? "nothing: only the same" },
    ...(semantic && { "min similarity": semantic["min_similarity"], "waits for": `${semantic["timeout_ms"]} ms` }),
    ...{ answers: it["answers"], bytes: it["bytes"], version: it["version"] },
  });
}
