import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

const pathOf = (id: string) => `/api/v1/ai/batches/${encodeURIComponent(id)}`;

/** `lyss batch list|get|cancel`. */
export function addBatchCommands(program: Command, deps: CliDeps): void {
  const batch = program.command("batch").alias("batches").description("many requests at once, answered within a day");
  withConnection(batch.command("list").description("list your batches, the newest first, as they were last seen"))
    .option("--limit <n>", "at most so many, 1 to 100; 20 unless given")
    .option("--after <id>", "the batch before the first of them")
    .action(async ({ limit, after, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `/api/v1/ai/batches${toQuery({ limit, after })}`), toBatchTable);
    });
  withConnection(batch.command("get").alias("show").description("show a batch as it stands at its provider"))
    .argument("<id>")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), toBatchText);
    });
  withConnection(batch.command("cancel").description("end a batch early; what was answered is charged"))
    .argument("<id>")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", `${pathOf(id)}/cancel`), toBatchText);
    });
}

function toBatchTable({ data, has_more }: Row): string {
  const rows = (data as Row[]).map((it) => [
    it["id"],
    it["status"],
    it["model"],
    countsOf(it),
    timeOf(it["created_at"]),
  ]);
  const table = toTable(["ID", "STATUS", "MODEL", "ANSWERED", "CREATED"], rows);
  const last = (data as Row[]).at(-1)?.["id"];
  return has_more === true ? `${table}\nMore: --after ${last}` : table;
}

function toBatchText(it: Row): string {
  const { id, status, model, endpoint } = it;
  const wrong = ((it["errors"] as Row | null)?.["data"] ?? []) as Row[];
  return toFields({
    ...{ id, status, model, endpoint, answered: countsOf(it), created: timeOf(it["created_at"]) },
    ...{ requests: it["input_file_id"], answers: it["output_file_id"], errors: it["error_file_id"] },
    ...(wrong.length > 0 && { wrong: wrong.map(({ code }) => code) }),
  });
}

function countsOf(it: Row): string {
  const { total, completed, failed } = it["request_counts"] as Record<string, number>;
  return `${completed} of ${total}${failed ? `, ${failed} failed` : ""}`;
}

function timeOf(seconds: unknown): string {
  return new Date(Number(seconds) * 1_000).toISOString();
}
