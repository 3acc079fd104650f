import { Argument, type Command } from "commander";
import type { ApiClient } from "./api-client.ts";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { addLimitsCommand } from "./limit-commands.ts";
import { print, toFields, toTable } from "./print.ts";
import { toQuery } from "./query.ts";

type Row = Record<string, unknown>;

const roles = ["owner", "admin", "member", "viewer"];
const pathOf = (id: string) => `/api/v1/groups/${encodeURIComponent(id)}`;
const memberPath = (id: string, userId: string) => `${pathOf(id)}/members/${encodeURIComponent(userId)}`;
/** A tenant has at most 1,000 groups that are not archived. */
const maxPages = 10;

/** `lyss group list|show|tree|create|move|archive|add|remove|role|permissions|limits`. */
export function addGroupCommands(program: Command, deps: CliDeps): void {
  const group = program.command("group").description("groups of people, and what they may do");

  withConnection(group.command("list").description("list groups, newest first"))
    .option("--name <text>", "part of the name")
    .option("--status <status>", "active or archived")
    .option("--member <id>", "only groups that this person is in, or me")
    .option("--parent <id>", "only groups directly below this one")
    .option("--limit <count>", "1 to 200", "50")
    .option("--cursor <cursor>", "the next page, from the page before")
    .action(async (options) => {
      const { api, output } = connect(deps, options);
      const { name, status, member, parent, limit, cursor } = options;
      const query = toQuery({ name, status, member, parent, limit, cursor });
      print(output, await api.send("GET", `/api/v1/groups${query}`), toGroupTable);
    });

  withConnection(group.command("show").description("show a group and who is in it"))
    .argument("<id>", "the group's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      const found = await api.send("GET", pathOf(id));
      const members = await api.send("GET", `${pathOf(id)}/members?limit=200`);
      print(output, { ...found, members: members["data"] }, (it) => `${toGroupText(it)}\n\n${toMemberTable(members)}`);
    });

  withConnection(group.command("tree").description("show which groups are below which")).action(async (options) => {
    const { api, output } = connect(deps, options);
    const groups = await listAll(api);
    print(output, { object: "list", data: groups }, () => toTree(groups));
  });

  withConnection(group.command("create").description("create a group"))
    .argument("<name>")
    .option("--description <text>")
    .option("--owner <id>", "a person; yourself unless given")
    .option("--parent <id>", "the group that it is below")
    .action(async (name: string, options) => {
      const { api, output } = connect(deps, options);
      const { description, owner: owner_id, parent: parent_id } = options;
      print(output, await api.send("POST", "/api/v1/groups", { name, description, owner_id, parent_id }), toGroupText);
    });

  withConnection(group.command("move").description("put a group below another one, or at the top"))
    .argument("<id>", "the group's id")
    .argument("[parent]", "the group that it is below from now on; none for the top")
    .action(async (id: string, parent: string | undefined, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PUT", `${pathOf(id)}/parent`, { parent_id: parent ?? null }), toGroupText);
    });

  withConnection(group.command("archive").description("end a group: it changes no more, and its name is free"))
    .argument("<id>", "the group's id")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("DELETE", pathOf(id)), (it) => `${it["name"]} is archived.`);
    });

  withConnection(group.command("permissions").description("replace what the members of a group hold in the tenant"))
    .argument("<id>", "the group's id")
    .argument("[permission...]", "resource:action; none takes all away")
    .action(async (id: string, permissions: string[], options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("PUT", `${pathOf(id)}/permissions`, { permissions }), toGroupText);
    });

  addLimitsCommand(group, deps, {
    ...{ id: "the group's id", pathOf, hasTokens: true },
    description: "show or change how much all members of a group together may use; what is not given stays as it is",
  });
  addMemberCommands(group, deps);
}

function addMemberCommands(group: Command, deps: CliDeps): void {
  withConnection(group.command("add").description("take a person into a group"))
    .argument("<id>", "the group's id")
    .argument("<user>", "the person's id")
    .addArgument(new Argument("[role]").choices(roles).default("member"))
    .action(async (id: string, userId: string, role: string, options) => {
      const { api, output } = connect(deps, options);
      const added = await api.send("POST", `${pathOf(id)}/members`, { user_id: userId, role });
      print(output, added, (it) => `${it["user_id"]} is ${it["role"]}.`);
    });

  withConnection(group.command("role").description("give a member another role"))
    .argument("<id>", "the group's id")
    .argument("<user>", "the person's id")
    .addArgument(new Argument("<role>").choices(roles))
    .action(async (id: string, userId: string, role: string, options) => {
      const { api, output } = connect(deps, options);
      const changed = await api.send("PATCH", memberPath(id, userId), { role });
      print(output, changed, (it) => `${it["user_id"]} is ${it["role"]}.`);
    });

  withConnection(group.command("remove").description("take a person out of a group; 'me' leaves it"))
    .argument("<id>", "the group's id")
    .argument("<user>", "the person's id")
    .action(async (id: string, userId: string, options) => {
      const { api, output } = connect(deps, options);
      print(
        output,
        await api.send("DELETE", memberPath(id, userId)),
        (it) => `${it["user_id"]} is not in it any more.`,
      );
    });
}

async function listAll(api: ApiClient): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const { data, next_cursor } = await api.send(
      "GET",
      `/api/v1/groups${toQuery({ status: "active", limit: "200", cursor })}`,
    );
    rows.push(...(data as Row[]));
    if (typeof next_cursor !== "string") break;
    cursor = next_cursor;
  }
  return rows;
}

/** A group whose parent is not shown to the caller stands at the top. */
function toTree(groups: readonly Row[]): string {
  const known = new Set(groups.map((it) => it["id"]));
  const byParent = Map.groupBy(groups, (it) => (known.has(it["parent_id"]) ? it["parent_id"] : null));
  const linesBelow = (parentId: unknown, indent: string): string[] =>
    (byParent.get(parentId) ?? []).flatMap((it) => [
      `${indent}${it["name"]}  ${it["id"]}`,
      ...linesBelow(it["id"], `${indent}  `),
    ]);
  return linesBelow(null, "").join("\n");
}

function toGroupTable({ data, next_cursor: next }: Row): string {
  const rows = (data as Row[]).map((it) => [it["id"], it["name"], it["status"], it["member_count"], it["parent_id"]]);
  const table = toTable(["ID", "NAME", "STATUS", "MEMBERS", "BELOW"], rows);
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}

function toGroupText(it: Row): string {
  return toFields({
    ...{ id: it["id"], name: it["name"], description: it["description"], status: it["status"] },
    ...{ members: it["member_count"], below: it["parent_id"], permissions: it["permissions"] },
  });
}

function toMemberTable({ data }: Row): string {
  return toTable(
    ["USER", "ROLE", "ADDED", "BY"],
    (data as Row[]).map((it) => [it["user_id"], it["role"], it["added_at"], it["added_by"]]),
  );
}
