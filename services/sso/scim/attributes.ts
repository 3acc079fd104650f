import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { z } from "zod";

export const coreUser = "urn:ietf:params:scim:schemas:core:2.0:User";
export const enterpriseUser = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const coreGroup = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const patchMessage = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
export const listMessage = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
export const errorMessage = "urn:ietf:params:scim:api:messages:2.0:Error";

export const scimLimits = {
  /** A connection's people and groups. */
  usersPerConnection: 100_000,
  groupsPerConnection: 1_000,
  membersPerGroup: 10_000,
  tokensPerConnection: 5,
  operations: 200,
  pageSize: 200,
  filterLength: 1_000,
  filterTerms: 20,
} as const;

const word = z.string().max(200);
/** Entra writes flags as `"True"` and `"False"`. */
const flag = z
  .union([z.boolean(), z.enum(["true", "false", "True", "False"])])
  .transform((value) => value === true || String(value).toLowerCase() === "true");
/** Kept of each address; the rest of it is taken and dropped. */
const email = z.strictObject({
  value: z.string().min(3).max(254),
  type: z.string().max(50).nullish(),
  primary: flag.nullish(),
  display: word.nullish(),
});
const name = z.strictObject({
  formatted: word.nullish(),
  familyName: word.nullish(),
  givenName: word.nullish(),
  middleName: word.nullish(),
  honorificPrefix: word.nullish(),
  honorificSuffix: word.nullish(),
});
const enterprise = z.strictObject({
  employeeNumber: word.nullish(),
  costCenter: word.nullish(),
  organization: word.nullish(),
  division: word.nullish(),
  department: word.nullish(),
  manager: z
    .union([z.strictObject({ value: word.nullish(), $ref: word.nullish(), displayName: word.nullish() }), word])
    .nullish(),
});

/** What is kept of a person besides names and ids (RFC 7643, 4.1 and 4.3). */
const keptFields = {
  name: name.nullish(),
  displayName: word.nullish(),
  nickName: word.nullish(),
  title: word.nullish(),
  userType: word.nullish(),
  preferredLanguage: word.nullish(),
  locale: word.nullish(),
  timezone: word.nullish(),
  emails: z.array(email).max(20).nullish(),
  [enterpriseUser]: enterprise.nullish(),
};
const userName = z
  .string()
  .min(1)
  .max(254)
  .regex(
    /^[\x21-\x7e]+$/,
    inBothLanguages(
      "must be plain ASCII without spaces: other letters can look like another person's",
      "必须是不含空格的纯 ASCII 字符：其他字符可能与他人的名称混淆",
    ),
  );
const externalId = z.string().max(255);

/** A person as a provider's word makes one, after what is taken and dropped is gone. */
export const userDocument = z.strictObject({
  userName,
  externalId: externalId.nullish(),
  active: flag.nullish(),
  ...keptFields,
});
export type UserDocument = z.output<typeof userDocument>;

/** A group, likewise. */
export const groupDocument = z.strictObject({
  displayName: z.string().trim().min(1).max(200),
  externalId: externalId.nullish(),
  members: z
    .array(
      z.strictObject({
        value: z.string().min(1).max(64),
        display: word.nullish(),
        type: z.string().max(50).nullish(),
        $ref: z.string().max(500).nullish(),
      }),
    )
    .max(scimLimits.membersPerGroup)
    .nullish(),
});
export type GroupDocument = z.output<typeof groupDocument>;

/** Attributes of the standard that are taken, for providers send them, and not kept. */
export const droppedOfUser = [
  ...["schemas", "id", "meta", "password", "profileUrl", "phoneNumbers", "ims", "photos", "addresses"],
  ...["groups", "entitlements", "roles", "x509Certificates"],
] as const;
export const droppedOfGroup = ["schemas", "id", "meta"] as const;

const dropped = z.unknown().describe("Taken and not kept.");
const droppedFields = (names: readonly string[]) => Object.fromEntries(names.map((one) => [one, dropped.nullish()]));

/** What a provider sends to create or replace a person. */
export const userBody = z.strictObject({ ...userDocument.shape, ...droppedFields(droppedOfUser) }).meta({
  examples: [
    {
      schemas: [coreUser],
      userName: "ada@example.com",
      externalId: "00u1a2b3c4",
      name: { givenName: "Ada", familyName: "Lovelace" },
      emails: [{ value: "ada@example.com", type: "work", primary: true }],
      active: true,
    },
  ],
});

export const groupBody = z
  .strictObject({ ...groupDocument.shape, ...droppedFields(droppedOfGroup) })
  .meta({ examples: [{ schemas: [coreGroup], displayName: "Engineering", members: [] }] });

/** Operations of a PATCH (RFC 7644, 3.5.2). Entra writes their names with a capital letter. */
export const patchBody = z
  .strictObject({
    schemas: z.array(z.string().max(200)).max(10).optional(),
    Operations: z
      .array(
        z.strictObject({
          op: z
            .string()
            .max(20)
            .toLowerCase()
            .pipe(z.enum(["add", "replace", "remove"])),
          path: z.string().max(500).nullish(),
          value: z.unknown().nullish(),
          name: z.string().max(200).nullish().describe("Taken and not kept."),
        }),
      )
      .min(1)
      .max(scimLimits.operations),
  })
  .meta({
    examples: [{ schemas: [patchMessage], Operations: [{ op: "replace", path: "active", value: false }] }],
  });
export type PatchOperation = z.output<typeof patchBody>["Operations"][number];

/** Letters of ASCII in lower case, and nothing else: a Kelvin sign stays one. */
export function toAsciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The address by which the person signs in: the primary one, else one of work, else the first, else the name. */
export function emailOf({ userName: named, emails }: Pick<UserDocument, "userName" | "emails">): string {
  const all = emails ?? [];
  const chosen = all.find(({ primary }) => primary === true) ?? all.find(({ type }) => type === "work") ?? all[0];
  return toAsciiLower(chosen?.value ?? named);
}

/** What the person is called here, at most 100 characters. */
export function displayNameOf({ displayName, name: parts, userName: named, emails }: UserDocument): string {
  const whole = [parts?.givenName, parts?.familyName].filter(Boolean).join(" ");
  const [found = emailOf({ userName: named, emails })] = [displayName, parts?.formatted, whole]
    .map((text) => text?.trim() ?? "")
    .filter((text) => text !== "");
  // Not within a pair of surrogates.
  return Array.from(found.slice(0, 100))
    .filter((letter) => letter.isWellFormed())
    .join("")
    .trim();
}

/** The value without what is null: the same as not there (RFC 7643, 2.5). */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([field, inner]) => [field, withoutNulls(inner)]));
}

/** What is kept of a person that a provider sent. Throws `kit.invalid_request`. */
export function toUserDocument(sent: Readonly<Record<string, unknown>>): UserDocument {
  return parseInput(userDocument, withoutNulls(without(sent, droppedOfUser)), "body");
}

/** What is kept of a group. Throws `kit.invalid_request`. */
export function toGroupDocument(sent: Readonly<Record<string, unknown>>): GroupDocument {
  return parseInput(groupDocument, withoutNulls(without(sent, droppedOfGroup)), "body");
}

function without(sent: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(sent).filter(([field]) => !names.includes(field)));
}
