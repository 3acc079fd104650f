import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

const pathOf = (tenant: string, name?: string) =>
  `/api/v1/tenants/${encodeURIComponent(tenant)}/roles${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;

/** `lyss tenant role list|show|create|update|remove|permissions`; `lyss tenant roles` is the same. */
export function addRoleCommands(tenant: Command, deps: CliDeps): void {
  const role = tenant.command("role").alias("roles").description("roles of a tenant, built-in ones and its own");

  withConnection(role.command("list").description("list the built-in roles and the tenant's own"))
    .argument("[id]", "the tenant's id; your own unless given", "me")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), toRoleTable);
    });

  withRole(role.command("show").description("show a role: what it may do")).action(async (name: string, options) => {
    const { api, output } = connect(deps, options);
    print(output, await api.send("GET", pathOf(options.tenant, name)), toRoleText);
  });

  withRole(role.command("create").description("make a role; people are given it like a built-in one"))
    .requiredOption("--permission <permission...>", "resource:action or resource:*, each of which you hold")
    .option("--title <text>", "for people to read; the name unless given")
    .option("--description <text>", "what it is for, up to 500 characters")
    .addHelpText("after", "\nExample:\n  lyss tenant role create support --permission user:list session:manage")
    .action(async (name: string, { permission: permissions, title, description, tenant: id, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("POST", pathOf(id), { name, title, description, permissions }), toRoleText);
    });

  withRole(role.command("update").description("change a role; what is not given stays"))
    .option("--permission <permission...>", "all that it holds from now on")
    .option("--title <text>")
    .option("--description <text>")
    .action(async (name: string, { permission: permissions, title, description, tenant: id, ...options }) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PATCH", pathOf(id, name), { title, description, permissions }), toRoleText);
    });

  withRole(role.command("remove").description("remove a role that nobody has")).action(
    async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const removed = await api.send("DELETE", pathOf(options.tenant, name));
      print(output, removed, (it) => `${it["name"]} is removed.`);
    },
  );

  withConnection(role.command("permissions").description("list every permission that a role may hold")).action(
    async (options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", "/api/v1/permissions"), ({ data }) =>
        toTable(
          ["PERMISSION", "WHAT IT IS FOR"],
          (data as Row[]).map((it) => [it["permission"], it["description"]]),
        ),
      );
    },
  );
}

function withRole(command: Command): Command {
  return withConnection(command)
    .argument("<name>", "the role's name")
    .option("--tenant <id>", "the tenant's id; your own unless given", "me");
}

function toRoleTable({ data }: Row): string {
  const rows = (data as Row[]).map((it) => [
    ...[it["name"], it["built_in"], it["title"]],
    (it["permissions"] as string[]).join(" "),
  ]);
  return toTable(["NAME", "BUILT IN", "TITLE", "PERMISSIONS"], rows);
}

function toRoleText(it: Row): string {
  return toFields({
    ...{ name: it["name"], title: it["title"], description: it["description"], "built in": it["built_in"] },
    ...{ permissions: (it["permissions"] as string[]).join(" "), version: it["version"] },
  });
}
