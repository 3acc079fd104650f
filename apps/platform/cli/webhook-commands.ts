import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

const rootOf = ({ platform }: { platform?: boolean }) => (platform ? "/admin/webhooks" : "/api/v1/webhooks");
const pathOf = (given: { platform?: boolean }, name: string) => `${rootOf(given)}/${encodeURIComponent(name)}`;
const withPlatform = (command: Command) =>
  withConnection(command).option("--platform", "of the platform: its accounts, exports and ledger (for operators)");

/** `lyss webhooks list|show|add|test|pause|resume|rotate|deliveries|send|delete`. */
export function addWebhookCommands(program: Command, deps: CliDeps): void {
  const webhooks = program
    .command("webhooks")
    .alias("webhook")
    .description("where events are sent: budgets, balance, providers' accounts and more");
  withPlatform(webhooks.command("list").description("list the webhooks, by name"))
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async ({ platform, limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${rootOf({ platform })}${toQuery({ limit, cursor })}`), toWebhookTable);
    });
  withPlatform(webhooks.command("add").description("send events from now on, or put this in a webhook's place"))
    .argument("<name>", "lower-case letters, digits, dots, dashes and underscores")
    .argument("<url>", "https and public; of the platform's, any")
    .option(
      "--type <type...>",
      "which events, such as billing.quota.exceeded; what somebody should look at unless given",
    )
    .option("--if-version <n>", "only if it is at this version", readCount)
    .action(async (name: string, url: string, { platform, type: types, ifVersion: expectedVersion, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PUT", pathOf({ platform }, name), { url, types }, { expectedVersion }), toText);
    });
  for (const [verb, method, action, description] of [
    ["show", "GET", "", "show a webhook"],
    ["pause", "POST", ":pause", "send nothing until it is resumed; what happens meanwhile is not sent"],
    ["resume", "POST", ":resume", "send what waits, also after it was disabled"],
    ["rotate", "POST", ":rotate-secret", "make another secret; for a day messages are signed with both"],
  ] as const) {
    withPlatform(webhooks.command(verb).description(description))
      .argument("<name>")
      .action(async (name: string, { platform, ...options }) => {
        const { api, output } = connect(deps, options);
        print(output, await api.send(method, `${pathOf({ platform }, name)}${action}`), toText);
      });
  }
  addSendingCommands(webhooks, deps);
  withPlatform(webhooks.command("delete").description("remove a webhook; what was not sent by then is not"))
    .argument("<name>")
    .action(async (name: string, { platform, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf({ platform }, name)), () => `${name} is removed.`);
    });
}

function addSendingCommands(webhooks: Command, deps: CliDeps): void {
  withPlatform(webhooks.command("test").description("send a message of type webhook.test, once"))
    .argument("<name>")
    .action(async (name: string, { platform, ...options }) => {
      const { api, output } = connect(deps, options);
      const it = (await api.send("POST", `${pathOf({ platform }, name)}:test`)) as Row;
      print(output, it, () => (it["ok"] === true ? `It was taken, in ${it["duration_ms"]} ms.` : ""));
      if (it["ok"] !== true) throw new CommandError(`It was not taken: ${outcomeOf(it)}.`);
    });
  withPlatform(webhooks.command("deliveries").description("what a webhook was sent in 30 days, and what became of it"))
    .argument("<name>")
    .option("--state <state>", "waiting, delivered or given_up")
    .option("--limit <n>", "at most so many, 1 to 200; 50 unless given")
    .option("--cursor <cursor>", "where the page before ended")
    .action(async (name: string, { platform, state, limit, cursor, ...options }) => {
      const { api, output } = connect(deps, options);
      const path = `${pathOf({ platform }, name)}/deliveries${toQuery({ state, limit, cursor })}`;
      print(output, await api.send("GET", path), toDeliveryTable);
    });
  withPlatform(webhooks.command("send").description("send an event once more"))
    .argument("<name>")
    .argument("<event>", "its id, such as evt_01…")
    .action(async (name: string, event: string, { platform, ...options }) => {
      const { api, output } = connect(deps, options);
      const path = `${pathOf({ platform }, name)}/deliveries/${encodeURIComponent(event)}:send`;
      print(output, await api.send("POST", path), () => `${event} is sent again.`);
    });
}

function outcomeOf({ status, reason }: Row): string {
  return [reason, status].filter((it) => it !== null && it !== undefined).join(" ");
}

function toWebhookTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["name"], it["url"], (it["types"] as string[]).length, it["state"], it["last_delivered_at"]],
    it["failing_since"],
  ]);
  const table = toTable(["NAME", "URL", "TYPES", "STATE", "LAST TAKEN", "FAILING SINCE"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toDeliveryTable({ data, next_cursor }: Row): string {
  const rows = (data as Row[]).map((it) => {
    const attempts = it["attempts"] as Row[];
    const last = attempts.at(-1);
    return [
      ...[it["event_id"], it["type"], it["created_at"], it["state"], attempts.length, last && outcomeOf(last)],
      it["next_try_at"],
    ];
  });
  const table = toTable(["EVENT", "TYPE", "HAPPENED", "STATE", "TRIES", "LAST", "NEXT TRY"], rows);
  return next_cursor ? `${table}\nMore: --cursor ${next_cursor}` : table;
}

function toText(it: Row): string {
  const { secret } = it;
  return toFields({
    ...{ name: it["name"], url: it["url"], types: (it["types"] as string[]).join(", ") },
    state: [it["state"], it["reason"]].filter(Boolean).join(": "),
    ...{ "last taken": it["last_delivered_at"], "failing since": it["failing_since"] },
    ...{ "secret before counts until": it["previous_secret_until"], version: it["version"] },
    ...(typeof secret === "string" && { secret: `${secret} (shown only now)` }),
  });
}
