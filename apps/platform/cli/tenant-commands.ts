import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { addDataPolicyCommands } from "./data-policy-commands.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";
import { readYesOrNo } from "./read-yes-or-no.ts";
import { addRoleCommands } from "./role-commands.ts";
import { toUserTable } from "./user-commands.ts";

type Row = Record<string, unknown>;

const pathOf = (id: string) => `/api/v1/tenants/${encodeURIComponent(id)}`;

/** `lyss tenant list|show|create|update|suspend|reactivate|members` `lyss tenant domain …`, `lyss tenant data-policy …` and `lyss tenant role …`. */
export function addTenantCommands(program: Command, deps: CliDeps): void {
  const tenant = program.command("tenant").description("organisations: who they are, and whether they may work");

  withConnection(tenant.command("list").description("list tenants, newest first"))
    .option("--query <text>", "part of the name or slug")
    .option("--status <status>", "provisioning, active or suspended")
    .option("--plan <plan>", "only those on this plan")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { query, status, plan, limit, cursor } = options;
      const found = await api.send("GET", `/api/v1/tenants${toQuery({ query, status, plan, limit, cursor })}`);
      print(output, found, toTenantTable);
    });

  withConnection(tenant.command("show").description("show a tenant"))
    .argument("[id]", "the tenant's id; your own unless given", "me")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), toTenantText);
    });

  withConnection(tenant.command("create").description("create a tenant that may work at once"))
    .argument("<slug>", "its name in addresses: a-z, 0-9 and inner dashes; never changed")
    .option("--name <name>", "the slug unless given")
    .option("--plan <plan>", "free unless given")
    .action(async (slug: string, options) => {
      const { api, output } = connect(deps, options);
      const { name = slug, plan } = options;
      print(output, await api.send("POST", "/api/v1/tenants", { slug, name, plan }), toTenantText);
    });

  withConnection(tenant.command("update").description("change a tenant; what is not given stays"))
    .argument("<id>", "the tenant's id, or me")
    .option("--name <name>")
    .option("--plan <plan>", "for operators")
    .option("--require-mfa <yes-or-no>", "whether everybody needs a second factor", readYesOrNo)
    .option("--sign-in <methods>", "password, passkey, sso, with commas; 'all' for every one")
    .option("--session-idle-minutes <count>", "5 to 43200; 0 for the platform's limit", Number)
    .option("--session-lifetime-hours <count>", "1 to 2160; 0 for the platform's limit", Number)
    .option(
      "--silent-impersonation <yes-or-no>",
      "whether people get no mail when an operator acts for them",
      readYesOrNo,
    )
    .option(
      "--default-role <role>",
      "member, viewer or one of the tenant's own: of people who register or sign on without another",
    )
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const { name, plan, requireMfa, signIn, sessionIdleMinutes, sessionLifetimeHours, defaultRole } = options;
      const settings = {
        require_mfa: requireMfa,
        sign_in_methods: signIn === "all" ? [] : signIn?.split(","),
        session_idle_minutes: sessionIdleMinutes,
        session_lifetime_hours: sessionLifetimeHours,
        silent_impersonation: options.silentImpersonation,
        default_role: defaultRole,
      };
      print(output, await api.send("PATCH", pathOf(id), { name, plan, settings }), toTenantText);
    });

  withConnection(tenant.command("suspend").description("shut a tenant out; nothing is deleted"))
    .argument("<id>", "the tenant's id")
    .requiredOption("--reason <text>", "for people to read")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const suspended = await api.send("POST", `${pathOf(id)}/suspend`, { reason: options.reason });
      print(output, suspended, toTenantText);
    });

  withConnection(tenant.command("reactivate").description("let a suspended tenant work again"))
    .argument("<id>", "the tenant's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", `${pathOf(id)}/reactivate`), toTenantText);
    });

  withConnection(tenant.command("members").description("list the people of a tenant, newest first"))
    .argument("[id]", "the tenant's id; your own unless given", "me")
    .option("--search <words>", "words that are each part of the name or the e-mail address")
    .option("--role <role>", "owner, admin, member, viewer or one of the tenant's own")
    .option("--status <status>", "active, inactive or suspended")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .addHelpText("after", "\nExample:\n  lyss tenant members --role admin --status active")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const { search, role, status, limit, cursor } = options;
      const query = toQuery({ search, role, status, limit, cursor });
      print(output, await api.send("GET", `${pathOf(id)}/members${query}`), toUserTable);
    });

  addDomainCommands(tenant, deps);
  addDataPolicyCommands(tenant, deps);
  addRoleCommands(tenant, deps);
}

function addDomainCommands(tenant: Command, deps: CliDeps): void {
  const domain = tenant.command("domain").description("domains that a tenant says are its own");
  const domainPath = (id: string, name: string) => `${pathOf(id)}/domains/${encodeURIComponent(name)}`;

  withConnection(domain.command("list").description("list a tenant's domains"))
    .argument("[id]", "the tenant's id; your own unless given", "me")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", `${pathOf(id)}/domains`), ({ data }) =>
        toTable(
          ["DOMAIN", "VERIFIED", "TXT RECORD AT", "THAT HOLDS"],
          (data as Row[]).map((it) => [it["domain"], it["verified"], it["txt_name"], it["txt_value"]]),
        ),
      );
    });

  withConnection(domain.command("add").description("add a domain, and show the TXT record that verifies it"))
    .argument("<domain>")
    .option("--tenant <id>", "the tenant's id; your own unless given", "me")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const added = await api.send("POST", `${pathOf(options.tenant)}/domains`, { domain: name });
      print(output, added, (it) => `Add this TXT record, then verify:\n${it["txt_name"]}  ${it["txt_value"]}`);
    });

  withConnection(domain.command("verify").description("look in DNS whether the domain is the tenant's"))
    .argument("<domain>")
    .option("--tenant <id>", "the tenant's id; your own unless given", "me")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const verified = await api.send("POST", `${domainPath(options.tenant, name)}/verify`);
      print(output, verified, (it) => `${it["domain"]} is verified.`);
    });

  withConnection(domain.command("remove").description("remove a domain"))
    .argument("<domain>")
    .option("--tenant <id>", "the tenant's id; your own unless given", "me")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", domainPath(options.tenant, name)), (it) => `${it["domain"]} is removed.`);
    });
}

function toTenantTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [it["id"], it["slug"], it["name"], it["plan"], it["status"]]);
  const table = toTable(["ID", "SLUG", "NAME", "PLAN", "STATUS"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toTenantText(it: Row): string {
  const settings = it["settings"] as Row;
  return toFields({
    ...{ id: it["id"], name: it["name"], slug: it["slug"], plan: it["plan"], status: it["status"] },
    ...(it["suspended_reason"] !== null && { reason: it["suspended_reason"] }),
    "second factor": settings["require_mfa"] === true ? "required" : "as each person likes",
    "default role": settings["default_role"],
    "sign-in by": (settings["sign_in_methods"] as string[]).length > 0 ? settings["sign_in_methods"] : "every means",
  });
}
