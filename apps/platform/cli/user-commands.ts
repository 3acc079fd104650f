import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { requireYes } from "./confirm.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { addLimitsCommand } from "./limit-commands.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

/** `lyss user list|show|invite|invitations|uninvite|rename|role|limits|enable|disable|reset-factors|export|impersonate|remove|erasure|audit`; `lyss users` is the same. */
export function addUserCommands(program: Command, deps: CliDeps): void {
  const users = program.command("user").alias("users").description("the people of your tenant");
  addReading(users, deps);
  addInviting(users, deps);
  addChanging(users, deps);
  addResetting(users, deps);
  addExporting(users, deps);
  addRemoving(users, deps);
  addImpersonating(users, deps);
}

function addReading(users: Command, deps: CliDeps): void {
  withConnection(users.command("list").description("list people, newest first"))
    .option("--search <words>", "words that are each part of the name or the e-mail address")
    .option("--role <role>", "owner, admin, member, viewer or one of the tenant's own")
    .option("--status <status>", "active, inactive or suspended")
    .option("--sort <field>", "created_at, name or email, '-' before it for the greatest first", "-created_at")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .addHelpText("after", "\nExample:\n  lyss user list --role admin --status active")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { search, role, status, sort, limit, cursor } = options;
      const query = toQuery({ search, role, status, sort, limit, cursor });
      print(output, await api.send("GET", `/api/v1/users${query}`), toUserTable);
    });

  withConnection(users.command("show").description("show a person"))
    .argument("<id>", "the person's id, or 'me'")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), toFields);
    });

  withConnection(users.command("audit").description("show what was done by and to a person, newest first"))
    .argument("<id>", "the person's id, or 'me'")
    .option("--limit <count>", "1 to 200", "20")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ limit: options.limit, cursor: options.cursor });
      print(output, await api.send("GET", `${pathOf(id)}/audit${query}`), toAuditTable);
    });
}

function addInviting(users: Command, deps: CliDeps): void {
  withConnection(users.command("invite").description("invite somebody to your tenant, by mail"))
    .argument("<email>", "the address that the mail goes to")
    .option("--role <role>", "owner, admin, member, viewer or one of the tenant's own; at most your own", "member")
    .option("--hours <count>", "how long the link is good: 1 to 720", "168")
    .addHelpText("after", "\nExample:\n  lyss user invite ann@example.com --role admin")
    .action(async (email: string, options) => {
      const { api, output } = connect(deps, options);
      const body = { email, role: options.role, expires_in_hours: Number(options.hours) };
      print(output, await api.send("POST", "/api/v1/invitations", body), toFields);
    });
  withConnection(users.command("invitations").description("list invitations that nobody has accepted yet"))
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const query = toQuery({ limit: options.limit, cursor: options.cursor });
      print(output, await api.send("GET", `/api/v1/invitations${query}`), toInvitationTable);
    });
  withConnection(users.command("uninvite").description("take an invitation back: its link is good no more"))
    .argument("<id>", "the invitation's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const answer = await api.send("DELETE", `/api/v1/invitations/${encodeURIComponent(id)}`);
      print(output, answer, ({ id: gone }) => `Taken back: ${gone}.`);
    });
}

function addChanging(users: Command, deps: CliDeps): void {
  const change = async (id: string, options: Parameters<typeof connect>[1], body: Row) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("PUT", pathOf(id), body), toFields);
  };
  withConnection(users.command("rename").description("change a person's name"))
    .argument("<id>", "the person's id, or 'me'")
    .argument("<name>", "1 to 100 characters")
    .action((id: string, name: string, options) => change(id, options, { name }));
  withConnection(users.command("role").description("give a person another role, at most your own"))
    .argument("<id>", "the person's id")
    .argument("<role>", "owner, admin, member, viewer or one of the tenant's own")
    .addHelpText("after", "\nExample:\n  lyss user role usr_01k… admin")
    .action((id: string, role: string, options) => change(id, options, { role }));
  addLimitsCommand(users, deps, {
    ...{ id: "the person's id, or 'me'", pathOf, hasTokens: false },
    description: "show or change how much a person may use, over all keys; what is not given stays as it is",
  });
  withConnection(users.command("disable").description("let a person sign in no more; sessions and keys stop at once"))
    .argument("<id>", "the person's id")
    .action((id: string, options) => change(id, options, { status: "suspended" }));
  withConnection(users.command("enable").description("let a person sign in again"))
    .argument("<id>", "the person's id")
    .action((id: string, options) => change(id, options, { status: "active" }));
}

function addResetting(users: Command, deps: CliDeps): void {
  withConnection(users.command("reset-factors"))
    .description("take the second factors of somebody who lost them away, and sign them out everywhere")
    .argument("<id>", "the person's id")
    .requiredOption("--reason <text>", "why, for the audit log")
    .option("--any-tenant", "somebody of another tenant; for operators")
    .option("--yes", "do it")
    .addHelpText(
      "after",
      "\nNo key does this: sign in, and give the access token as LYSS_API_KEY within ten minutes.\n\nExample:\n  LYSS_API_KEY=eyJ… lyss user reset-factors usr_01k… --reason 'telephone lost, called back' --yes",
    )
    .action(async (id: string, options) => {
      requireYes(options, `From then on the password of ${id} alone lets them in.`);
      const { api, output } = connect(deps, options);
      const path = options.anyTenant ? `/admin/users/${encodeURIComponent(id)}` : pathOf(id);
      const answer = await api.send("POST", `${path}/factors/reset`, { reason: options.reason });
      print(output, answer, ({ id: whom }) => `Reset the factors of ${whom}. They are told by mail.`);
    });
}

function addExporting(users: Command, deps: CliDeps): void {
  withConnection(users.command("export").description("ask for everything that is kept of a person, and save it"))
    .argument("<id>", "the person's id, or 'me'")
    .option("--output <file>", "where to write the JSON document once it is ready")
    .addHelpText(
      "after",
      "\nExample:\n  lyss user export usr_01k… --output ann.json\n\nEach service answers by itself, most within seconds. Repeat the command until all have.",
    )
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const asked = await api.send("POST", `${pathOf(id)}/export`);
      const isReady = asked["state"] === "ready";
      if (options.output && isReady) {
        const { bytes } = await api.download(`${pathOf(id)}/export/download`);
        writeFileSync(options.output, bytes, { mode: 0o600 });
      }
      print(output, asked, ({ state, parts, expires_at: until }) => {
        const rows = (parts as Row[]).map((it) => [it["service"], it["exported_at"] ?? "not yet"]);
        const table = `${state}\n\n${toTable(["SERVICE", "EXPORTED"], rows)}`;
        if (!isReady) return `${table}\n\nNot all have answered. Repeat the command.`;
        return options.output
          ? `${table}\n\nSaved ${options.output}.`
          : `${table}\n\nTo be had until ${until}: give --output.`;
      });
    });
}

function addImpersonating(users: Command, deps: CliDeps): void {
  withConnection(users.command("impersonate").description("act in a person's name for 15 minutes; the person is told"))
    .argument("<id>", "the person's id, of any tenant")
    .requiredOption("--reason <text>", "for the person to read, up to 500 characters")
    .addHelpText("after", '\nExample:\n  lyss user impersonate usr_01k… --reason "ticket 4711"')
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const path = `/admin/users/${encodeURIComponent(id)}/impersonate`;
      print(output, await api.send("POST", path, { reason: options.reason }), (row) => {
        const { access_token: token, expires_in: seconds, session_id: session } = row;
        return `The token, good for ${seconds} s (session ${session}):\n${token}\n\nPOST /api/v1/auth/logout with it ends it.`;
      });
    });
}

function addRemoving(users: Command, deps: CliDeps): void {
  withConnection(users.command("remove").description("remove a person and forget everything of them but ids"))
    .argument("<id>", "the person's id, or 'me'")
    .option("--yes", "do it")
    .addHelpText("after", "\nExample:\n  lyss user remove usr_01k… --yes")
    .action(async (id: string, options) => {
      requireYes(options, `This ends the sessions and keys of ${id} and cannot be taken back.`);
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(id)), ({ id: gone }) => `Removed ${gone}.`);
    });

  withConnection(users.command("erasure").description("show how far the forgetting of a removed person is"))
    .argument("<id>", "the person's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(id)}/erasure`), ({ state, parts }) => {
        const rows = (parts as Row[]).map((it) => [it["service"], it["erased_at"] ?? "not yet"]);
        return `${state}\n\n${toTable(["SERVICE", "FORGOTTEN"], rows)}`;
      });
    });
}

function pathOf(id: string): string {
  return `/api/v1/users/${encodeURIComponent(id)}`;
}

/** People, one a line. */
export function toUserTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [it["email"], it["name"], it["role"], it["status"], it["id"]]);
  const table = toTable(["E-MAIL", "NAME", "ROLE", "STATUS", "ID"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toInvitationTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [it["email"], it["role"], it["expires_at"], it["invited_by"], it["id"]]);
  const table = toTable(["E-MAIL", "ROLE", "UNTIL", "BY", "ID"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toAuditTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map(({ timestamp, event_type: type, event_data: entry }) => {
    const { actor_id: actor, client_address: address, subject_id: subject, detail } = entry as Row;
    return [timestamp, String(type).replace("user.audit.", ""), actor, address, subject, detail];
  });
  const table = toTable(["TIME", "ACT", "ACTOR", "ADDRESS", "SUBJECT", "DETAIL"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
