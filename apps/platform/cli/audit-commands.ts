import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createExportCheck } from "@lyss/contracts/audit/check-export.ts";
import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

/** `lyss audit list|show|verify|export`. */
export function addAuditCommands(program: Command, deps: CliDeps): void {
  const audit = program.command("audit").description("the audit log: what was done, by whom, to what and from where");

  withFilter(withConnection(audit.command("list").description("list entries, newest first")))
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .addHelpText("after", "\nExample:\n  lyss audit list --act 'key.*' --actor usr_01k… --from 2027-01-31T00:00:00Z")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ ...filterOf(options), limit: options.limit, cursor: options.cursor });
      print(output, await api.send("GET", `${pathOf(options)}${query}`), toEntryTable);
    });

  withTenant(withConnection(audit.command("show").description("show an entry")))
    .argument("<id>", "as 'lyss audit list' shows it")
    .addHelpText("after", "\nExample:\n  lyss audit show aud_01k…")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(options)}/${encodeURIComponent(id)}`), ({ details, ...entry }) => {
        return `${toFields(entry)}\n\n${JSON.stringify(details, null, 2)}`;
      });
    });

  withTenant(withConnection(audit.command("verify")))
    .description("check that nothing in a log was altered, removed or put in between; or check an export")
    .option("--file <file>", "an export as JSON lines, checked here without the platform")
    .option("--selection", "with --file: entries may be missing in between")
    .addHelpText(
      "after",
      "\nExample:\n  lyss audit export --output audit.jsonl && lyss audit verify --file audit.jsonl",
    )
    .action((options) => (options.file ? verifyFile(deps, options) : verifyLog(deps, options)));

  withFilter(withConnection(audit.command("export").description("save entries with what proves them, oldest first")))
    .option("--format <format>", "jsonl or csv", "jsonl")
    .option("--output <file>", "where to write it; standard output unless given")
    .addHelpText("after", "\nExample:\n  lyss audit export --output audit.jsonl")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ ...filterOf(options), format: options.format });
      const bytes = Readable.fromWeb((await api.stream(`${pathOf(options)}/export${query}`)) as never);
      if (options.output) await pipeline(bytes, createWriteStream(options.output));
      else for await (const text of bytes.setEncoding("utf8")) output.write(text);
    });
}

function withTenant(command: Command): Command {
  return command
    .option("--tenant <id>", "a tenant's log, or 'platform'; for operators")
    .option("--all-tenants", "every log; for operators");
}

function withFilter(command: Command): Command {
  return withTenant(command)
    .option("--act <act...>", "only these; 'key.*' for all that begin so")
    .option("--actor <id>", "only what this person did")
    .option("--subject <id>", "only what was done to this")
    .option("--address <address>", "only from this network address")
    .option("--from <time>", "only what happened since, such as 2027-01-31T00:00:00Z")
    .option("--before <time>", "only what happened before")
    .option("--text <text>", "only with this in act, actor, subject or details");
}

interface Options {
  readonly url?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
  readonly tenant?: string;
  readonly allTenants?: boolean;
}

const isForOperators = ({ tenant, allTenants }: Options) => tenant !== undefined || allTenants === true;
const pathOf = (options: Options) => (isForOperators(options) ? "/admin/audit" : "/api/v1/audit");

function filterOf(options: Record<string, string>) {
  return {
    ...{
      tenant_id: options["tenant"],
      act: options["act"],
      actor_id: options["actor"],
      subject_id: options["subject"],
    },
    ...{ address: options["address"], from: options["from"], before: options["before"], q: options["text"] },
  };
}

async function verifyLog(deps: CliDeps, options: Options): Promise<void> {
  if (options.allTenants) throw new CommandError("Name one log: --tenant <id>, or --tenant platform.");
  const { api, output } = connect(deps, options);
  let entries = 0;
  let after = 0;
  for (;;) {
    const query = toQuery({ after: String(after), tenant_id: options.tenant });
    const found = await api.send("GET", `${pathOf(options)}/verify${query}`);
    entries += Number(found["entries"]);
    if (found["intact"] !== true) {
      throw new CommandError(`The log is broken at entry ${found["broken_sequence"]}: ${found["reason"]}.`);
    }
    after = Number(found["until_sequence"]);
    if (found["complete"] !== true) continue;
    const result = { intact: true, entries, until_sequence: after, until_digest: found["until_digest"] };
    print(output, result, toFields);
    return;
  }
}

async function verifyFile(
  deps: CliDeps,
  options: Options & { readonly file: string; readonly selection?: boolean },
): Promise<void> {
  const check = createExportCheck();
  try {
    for await (const line of createInterface({ input: createReadStream(options.file), crlfDelay: Infinity })) {
      if (line !== "") check.add(line);
    }
  } catch (cause) {
    throw new CommandError(`${options.file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const chains = check.results();
  const gap = chains.find(({ missing }) => missing > 0);
  if (gap && !options.selection) {
    throw new CommandError(
      `${options.file}: ${gap.missing} entries are missing in the log ${gap.chain}. For an export of a selection give --selection.`,
    );
  }
  const rows = chains.map(({ chain, entries, firstSequence, lastSequence, lastDigest, missing }) => ({
    ...{ chain, entries, first_sequence: firstSequence, last_sequence: lastSequence, last_digest: lastDigest, missing },
  }));
  print({ write: deps.write, isJson: options.json === true }, { intact: true, chains: rows }, () =>
    toTable(
      ["LOG", "ENTRIES", "FIRST", "LAST", "DIGEST OF THE LAST"],
      rows.map((it) => [it.chain, it.entries, it.first_sequence, it.last_sequence, it.last_digest]),
    ),
  );
}

function toEntryTable({ data, next_cursor: next }: Row): string {
  const table = toTable(
    ["TIME", "ACT", "ACTOR", "SUBJECT", "ADDRESS", "ID"],
    (data as Row[]).map((it) => [
      ...[it["happened_at"], it["act"], it["actor_id"], `${it["subject_kind"]} ${it["subject_id"]}`.trim()],
      ...[it["client_address"], it["id"]],
    ]),
  );
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
