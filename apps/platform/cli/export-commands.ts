import { type Command, InvalidArgumentError, Option } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const platformHelp = "of the platform: records of all tenants (for operators)";
const rootOf = ({ platform }: { platform?: boolean }) => (platform ? "/admin/exports" : "/api/v1/ai/exports");
const pathOf = (given: { platform?: boolean }, name: string) => `${rootOf(given)}/${encodeURIComponent(name)}`;
const withPlatform = (command: Command) => withConnection(command).option("--platform", platformHelp);

/** `lyss exports list|show|add|test|pause|resume|delete`. */
export function addExportCommands(program: Command, deps: CliDeps): void {
  const exports = program
    .command("exports")
    .alias("export")
    .description("where records of calls are sent: S3, an OTLP receiver, Kafka");
  withPlatform(exports.command("list").description("list the exports and how far they are, by name"))
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ platform, limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${rootOf({ platform })}${toQuery({ limit, cursor })}`), toExportTable);
    });
  addAddCommand(exports, deps);
  for (const [verb, method, description] of [
    ["show", "GET", "show an export and how far it is"],
    ["pause", "POST", "send nothing until it is resumed"],
    ["resume", "POST", "go on from where it was, also after a failure"],
  ] as const) {
    withPlatform(exports.command(verb).description(description))
      .argument("<name>")
      .action(async (name: string, { platform, ...options }) => {
        const { api, output } = connect(deps, options);
        const path = `${pathOf({ platform }, name)}${method === "POST" ? `:${verb}` : ""}`;
        print(output, await api.send(method, path), toText);
      });
  }
  withPlatform(exports.command("test").description("send a record of a call that never was"))
    .argument("<name>")
    .action(async (name: string, { platform, ...options }) => {
      const { api, output } = connect(deps, options);
      const it = (await api.send("POST", `${pathOf({ platform }, name)}:test`)) as Row;
      print(output, it, () => `It was taken, in ${it["latency_ms"]} ms.`.repeat(it["ok"] === true ? 1 : 0));
      if (it["ok"] !== true) throw new CommandError(`It was not taken: ${problemOf(it["problem"])}.`);
    });
  withPlatform(exports.command("delete").description("remove an export; what was not sent by then is not"))
    .argument("<name>")
    .action(async (name: string, { platform, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf({ platform }, name)), () => `${name} is removed.`);
    });
}

function addAddCommand(exports: Command, deps: CliDeps): void {
  withPlatform(exports.command("add").description("send records from now on, or put this in an export's place"))
    .argument("<name>", "lower-case letters, digits, dots, dashes and underscores")
    .addOption(new Option("--kind <kind>", "what takes them").choices(["s3", "otlp", "kafka"]).makeOptionMandatory())
    .option("--endpoint <url>", "of S3 or what speaks its API")
    .option("--region <name>", "of S3; us-east-1 unless given")
    .option("--bucket <name>", "of S3")
    .option("--prefix <path>", "of the objects in the bucket; 'lyss' unless given")
    .option("--access-key-id <id>", "of S3; its secret access key is the secret")
    .option("--otlp-url <url>", "of an OTLP receiver, such as https://collector.example.com/v1/logs")
    .option("--header <name>", "of an OTLP receiver, that has the secret; 'authorization' unless given")
    .option("--server <host:port...>", "brokers of Kafka")
    .option("--topic <name>", "of Kafka")
    .option("--no-tls", "speak to Kafka in clear")
    .addOption(new Option("--sasl <mechanism>", "of Kafka").choices(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]))
    .option("--username <name>", "for --sasl; its password is the secret")
    .option("--secret <secret>", "sealed and never shown; better in LYSS_EXPORT_SECRET, which no list of processes has")
    .option("--max-records <n>", "sent at once, 1 to 1000; 1000 unless given", readCount)
    .option("--max-age <seconds>", "after which a record is sent in any case; 60 unless given", readCount)
    .option("--bodies", "with what is said in calls, where it is kept")
    .option("--if-version <n>", "only if it is at this version", readCount)
    .action(async (name: string, { platform, ifVersion: expectedVersion, ...given }) => {
      const { api, output } = connect(deps, given);
      const { maxRecords: max_records, maxAge: max_age_seconds, bodies } = given;
      const target = { kind: given.kind, ...targetOf(given), max_records, max_age_seconds, bodies };
      const secret = given.secret ?? deps.env["LYSS_EXPORT_SECRET"];
      print(output, await api.send("PUT", pathOf({ platform }, name), { target, secret }, { expectedVersion }), toText);
    });
}

function targetOf(given: Row): Row {
  const {
    endpoint,
    region,
    bucket,
    prefix,
    accessKeyId,
    otlpUrl: url,
    header,
    server,
    topic,
    tls,
    sasl,
    username,
  } = given;
  if (given["kind"] === "s3") return { endpoint, region, bucket, prefix, access_key_id: accessKeyId };
  if (given["kind"] === "otlp") return { url, header };
  if ((sasl === undefined) !== (username === undefined)) {
    throw new InvalidArgumentError("--sasl and --username go together.");
  }
  return { servers: server, topic, tls, ...(sasl !== undefined && { sasl: { mechanism: sasl, username } }) };
}

function problemOf(value: unknown): string {
  const { reason, status, code } = (value ?? {}) as Row;
  return [reason, status, code].filter((it) => it !== null && it !== undefined).join(" ") || "none";
}

function toExportTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["name"], (it["target"] as Row)["kind"], it["state"], it["sent_records"], it["last_sent_at"]],
    ...[it["waiting_since"], problemOf(it["problem"])],
  ]);
  const table = toTable(["NAME", "KIND", "STATE", "SENT", "LAST SENT", "WAITING SINCE", "PROBLEM"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toText(it: Row): string {
  const { kind, max_records, max_age_seconds, bodies, sasl, ...place } = it["target"] as Row;
  return toFields({
    ...{ name: it["name"], kind, ...place, bodies: bodies ? "where they are kept" : "no" },
    ...(sasl !== undefined && { sasl: Object.values(sasl as Row).join(" ") }),
    batches: `up to ${max_records} records or ${max_age_seconds} s`,
    ...{ state: it["state"], problem: problemOf(it["problem"]), failures: it["failures"] },
    ...{ sent: `${it["sent_records"]} records in ${it["sent_batches"]} batches`, rejected: it["rejected_records"] },
    ...{ "last sent": it["last_sent_at"], "waiting since": it["waiting_since"], "next try": it["next_run_at"] },
    version: it["version"],
  });
}
