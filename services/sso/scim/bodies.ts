import { toEntityTag } from "@lyss/kit/http/entity-tag.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import { z } from "zod";
import type { FilledGroup } from "../ops/list-scim-groups.ts";
import { coreGroup, coreUser, enterpriseUser, listMessage, scimLimits } from "./attributes.ts";
import { scimMediaType } from "./error-reply.ts";
import type { Listed, ScimGroup, ScimUser } from "./model.ts";

type Fields = Readonly<Record<string, unknown>>;

const meta = z.looseObject({
  resourceType: z.string(),
  created: z.string(),
  lastModified: z.string(),
  location: z.string(),
  version: z.string().describe("The same as ETag."),
});
const times = { created: "2026-01-31T12:00:00.000Z", lastModified: "2026-01-31T12:00:00.000Z" };
const exampleId = "scu_01kb0f2j5tq8w3z6v9x4y7a1bc";
const exampleUser = {
  schemas: [coreUser],
  id: exampleId,
  userName: "ada@example.com",
  active: true,
  emails: [{ value: "ada@example.com", type: "work", primary: true }],
  meta: {
    resourceType: "User",
    ...times,
    location: `https://lyss.example.com/scim/v2/Users/${exampleId}`,
    version: '"1"',
  },
};

/** A person or a group as it is answered, besides its own attributes. */
export const resourceBody = z
  .looseObject({ schemas: z.array(z.string()), id: z.string(), meta })
  .meta({ examples: [exampleUser] });

export const listBody = z
  .looseObject({
    schemas: z.array(z.string()),
    totalResults: z.int(),
    startIndex: z.int(),
    itemsPerPage: z.int(),
    Resources: z.array(z.unknown()),
  })
  .meta({
    examples: [{ schemas: [listMessage], totalResults: 1, startIndex: 1, itemsPerPage: 1, Resources: [exampleUser] }],
  });

const projection = {
  attributes: z.string().max(1_000).optional().describe("Only these attributes, with commas between; id in any case."),
  excludedAttributes: z.string().max(1_000).optional().describe("All attributes but these."),
};
export const readQuery = z.strictObject(projection);
export const listQuery = z.strictObject({
  ...projection,
  filter: z
    .string()
    .max(scimLimits.filterLength)
    .optional()
    .describe('Such as userName eq "ada@example.com"; with eq, ne, co, sw, ew, pr, and, or, not, and parentheses.'),
  startIndex: z.coerce.number().int().max(1_000_000).default(1).describe("From 1."),
  count: z.coerce.number().int().max(1_000_000).default(100).describe(`At most ${scimLimits.pageSize} are given.`),
});
export type Projection = z.output<typeof readQuery>;

/** Bounds of the standard: less than 1 is 1, less than 0 is 0, more than there may be is what may be (RFC 7644, 3.4.2.4). */
export function toPart({ startIndex, count, filter }: z.output<typeof listQuery>) {
  return { filter, startIndex: Math.max(1, startIndex), count: Math.min(scimLimits.pageSize, Math.max(0, count)) };
}

export function toUserResource(row: ScimUser, publicUrl: string): Fields {
  const { resourceId, userName, externalId, isActive, attributes } = row;
  const isEnterprise = attributes[enterpriseUser] !== undefined;
  return {
    schemas: [coreUser, ...(isEnterprise ? [enterpriseUser] : [])],
    ...{ id: resourceId, userName, active: isActive, ...attributes, ...(externalId !== "" && { externalId }) },
    meta: toMeta("User", row, publicUrl),
  };
}

export function toGroupResource(row: FilledGroup, publicUrl: string): Fields {
  const { resourceId, displayName, externalId, members } = row;
  const shown = members?.map(({ resourceId: value, userName: display }) => ({
    ...{ value, display, type: "User", $ref: `${publicUrl}/scim/v2/Users/${value}` },
  }));
  return {
    ...{ schemas: [coreGroup], id: resourceId, displayName, ...(externalId !== "" && { externalId }) },
    ...(shown && { members: shown }),
    meta: toMeta("Group", row, publicUrl),
  };
}

function toMeta(resourceType: "User" | "Group", row: ScimUser | ScimGroup, publicUrl: string) {
  return {
    resourceType,
    created: row.createdAt.toISOString(),
    lastModified: row.updatedAt.toISOString(),
    location: `${publicUrl}/scim/v2/${resourceType}s/${row.resourceId}`,
    version: toEntityTag(row.version),
  };
}

/** The answer with one resource; nothing but the head for who has this version already. */
export function toAnswer(
  status: 200 | 201,
  resource: Fields,
  { shown = {}, known }: { readonly shown?: Projection; readonly known?: string | undefined } = {},
): WholeAnswer {
  const { version, location } = resource["meta"] as z.output<typeof meta>;
  const headers = { "content-type": scimMediaType, etag: version, location };
  if (known?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === version)) {
    return new WholeAnswer(304, headers);
  }
  return new WholeAnswer(status, headers, JSON.stringify(project(resource, shown)));
}

export function toListAnswer<Row>(
  { total, startIndex, rows }: Listed<Row>,
  toResource: (row: Row) => Fields,
  shown: Projection = {},
): WholeAnswer {
  const resources = rows.map((row) => project(toResource(row), shown));
  const counts = { totalResults: total, startIndex, itemsPerPage: resources.length };
  const body = { schemas: [listMessage], ...counts, Resources: resources };
  return new WholeAnswer(200, { "content-type": scimMediaType }, JSON.stringify(body));
}

/** What was asked for, to whole attributes; ids and schemas in any case (RFC 7644, 3.9). */
function project(resource: Fields, { attributes, excludedAttributes }: Projection): Fields {
  const wanted = attributes === undefined ? undefined : toNames(attributes);
  const unwanted = toNames(excludedAttributes ?? "");
  const isShown = (name: string) =>
    name === "id" ||
    name === "schemas" ||
    (wanted ? wanted.has(name.toLowerCase()) : !unwanted.has(name.toLowerCase()));
  return Object.fromEntries(Object.entries(resource).filter(([name]) => isShown(name)));
}

/** Whether somebody asked for the attribute, or asked for nothing in particular. */
export function isWanted(name: string, { attributes, excludedAttributes }: Projection): boolean {
  if (attributes !== undefined) return toNames(attributes).has(name);
  return !toNames(excludedAttributes ?? "").has(name);
}

function toNames(list: string): ReadonlySet<string> {
  const names = list.split(",").map((name) => name.trim().toLowerCase());
  const extension = enterpriseUser.toLowerCase();
  const own = /^urn:ietf:params:scim:schemas:core:2\.0:(?:user|group):/;
  return new Set(
    names.map((name) => (name.startsWith(extension) ? extension : (name.replace(own, "").split(".")[0] ?? ""))),
  );
}
