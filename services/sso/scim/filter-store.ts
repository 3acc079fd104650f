import type { Sql } from "@lyss/kit/db/database.ts";
import { toAsciiLower } from "./attributes.ts";
import { type Comparison, type Filter, refuse } from "./filter.ts";

const always = (sql: Sql) => sql`true`;
type Fragment = ReturnType<typeof always>;

/** How an attribute is compared: as it is, with ASCII letters in whatever case, or as a flag. */
interface Column {
  readonly sql: Fragment;
  readonly form: "exact" | "anyCase" | "flag";
}

/** The columns that a list may be filtered by, by the attributes' names in lower case. */
export type Columns = Readonly<
  Record<string, Column | { readonly anyOf: (test: (one: Fragment) => Fragment) => Fragment }>
>;

export function userColumns(sql: Sql): Columns {
  const text = (path: readonly string[]) => sql`coalesce(attributes #>> ${[...path]}::text[], '')`;
  const anyCase = (path: readonly string[]) => ({ sql: text(path), form: "anyCase" }) as const;
  const emails = {
    anyOf: (test: (one: Fragment) => Fragment) => sql`exists (
      select from jsonb_array_elements(coalesce(attributes -> 'emails', '[]')) as address
      where ${test(sql`address ->> 'value'`)})`,
  };
  return {
    id: { sql: sql`resource_id`, form: "exact" },
    username: { sql: sql`user_name`, form: "anyCase" },
    externalid: { sql: sql`external_id`, form: "exact" },
    active: { sql: sql`is_active`, form: "flag" },
    displayname: anyCase(["displayName"]),
    title: anyCase(["title"]),
    usertype: anyCase(["userType"]),
    "name.formatted": anyCase(["name", "formatted"]),
    "name.familyname": anyCase(["name", "familyName"]),
    "name.givenname": anyCase(["name", "givenName"]),
    emails,
    "emails.value": emails,
  };
}

export function groupColumns(sql: Sql): Columns {
  const members = {
    anyOf: (test: (one: Fragment) => Fragment) => sql`exists (
      select from scim_member where group_id = resource_id and ${test(sql`user_id`)})`,
  };
  return {
    id: { sql: sql`resource_id`, form: "exact" },
    externalid: { sql: sql`external_id`, form: "exact" },
    displayname: { sql: sql`display_name`, form: "anyCase" },
    members,
    "members.value": members,
  };
}

/** The condition in SQL. Throws `scim_filter_invalid` for an attribute that is none of the columns, or another kind of value. */
export function toSql(sql: Sql, columns: Columns, filter: Filter): Fragment {
  if (filter.kind === "not") return sql`not (${toSql(sql, columns, filter.inner)})`;
  if ("left" in filter) {
    const [left, right] = [toSql(sql, columns, filter.left), toSql(sql, columns, filter.right)];
    return filter.kind === "and" ? sql`(${left} and ${right})` : sql`(${left} or ${right})`;
  }
  const column = Object.hasOwn(columns, filter.attribute) ? columns[filter.attribute] : undefined;
  if (!column) {
    const known = Object.keys(columns).join(", ");
    throw refuse(`knows ${known} only`, `仅支持 ${known}`);
  }
  const isPresent = filter.kind === "present" || filter.value === null;
  const isNot = filter.kind === "compare" && filter.comparison === "eq";
  if ("anyOf" in column) {
    if (isPresent) return isNot ? sql`not ${column.anyOf(() => always(sql))}` : column.anyOf(() => always(sql));
    const { comparison, value } = filter;
    // Not equal: none of the values is.
    if (comparison === "ne")
      return sql`not ${column.anyOf((one) => compare(sql, { sql: one, form: "anyCase" }, "eq", value))}`;
    return column.anyOf((one) => compare(sql, { sql: one, form: "anyCase" }, comparison, value));
  }
  if (isPresent) {
    if (column.form === "flag") return isNot ? sql`false` : always(sql);
    return isNot ? sql`${column.sql} = ''` : sql`${column.sql} <> ''`;
  }
  return compare(sql, column, filter.comparison, filter.value);
}

function compare(sql: Sql, column: Column, comparison: Comparison, value: unknown): Fragment {
  if (column.form === "flag") {
    if (typeof value !== "boolean" || (comparison !== "eq" && comparison !== "ne")) {
      throw refuse("wants active eq true or false", "active 只能与 true 或 false 比较");
    }
    return comparison === "eq" ? sql`${column.sql} = ${value}` : sql`${column.sql} <> ${value}`;
  }
  if (typeof value !== "string") throw refuse("wants a text in quotation marks", "须为引号中的文本");
  const wanted = column.form === "anyCase" ? toAsciiLower(value) : value;
  // In this collation letters of ASCII alone have another case.
  const found = column.form === "anyCase" ? sql`lower(${column.sql} collate "C")` : column.sql;
  if (comparison === "eq") return sql`${found} = ${wanted}`;
  if (comparison === "ne") return sql`${found} <> ${wanted}`;
  if (comparison === "co") return sql`position(${wanted} in ${found}) > 0`;
  if (comparison === "sw") return sql`starts_with(${found}, ${wanted})`;
  return sql`right(${found}, length(${wanted})) = ${wanted}`;
}
