import { coreGroup, coreUser, enterpriseUser } from "./attributes.ts";

const schemaSchema = "urn:ietf:params:scim:schemas:core:2.0:Schema";

interface Attribute {
  readonly name: string;
  readonly type: "string" | "boolean" | "complex" | "reference";
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: "readWrite" | "readOnly" | "immutable";
  readonly returned: "default";
  readonly uniqueness: "none" | "server";
  readonly description: string;
  readonly subAttributes?: readonly Attribute[];
}

function attribute(name: string, description: string, more: Partial<Attribute> = {}): Attribute {
  return {
    ...{ name, type: "string", multiValued: false, required: false, caseExact: false, mutability: "readWrite" },
    ...{ returned: "default", uniqueness: "none", description, ...more },
  };
}

const texts = (names: readonly string[]) => names.map((name) => attribute(name, "At most 200 characters."));

const user = [
  attribute("userName", "By which the provider knows the person; plain ASCII.", {
    required: true,
    uniqueness: "server",
  }),
  attribute("name", "Parts of the name.", {
    type: "complex",
    subAttributes: texts(["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"]),
  }),
  ...texts(["displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"]),
  attribute("active", "Whether the person may come in.", { type: "boolean" }),
  attribute("emails", "The primary one, or userName, is by which the person signs in, and does not change.", {
    ...{ type: "complex", multiValued: true },
    subAttributes: [
      attribute("value", "The address."),
      attribute("display", "At most 200 characters."),
      attribute("type", "Such as work."),
      attribute("primary", "True for one of them.", { type: "boolean" }),
    ],
  }),
];
const enterprise = [
  ...texts(["employeeNumber", "costCenter", "organization", "division", "department"]),
  attribute("manager", "The person's manager.", {
    type: "complex",
    subAttributes: texts(["value", "$ref", "displayName"]),
  }),
];
const group = [
  attribute("displayName", "By which the connection's group mapping knows the group.", {
    ...{ required: true, uniqueness: "server", caseExact: true },
  }),
  attribute("members", "People of the connection.", {
    ...{ type: "complex", multiValued: true },
    subAttributes: [
      attribute("value", "The person's id.", { caseExact: true, mutability: "immutable" }),
      attribute("display", "The person's userName.", { mutability: "readOnly" }),
      attribute("type", "User.", { mutability: "readOnly" }),
      attribute("$ref", "Where the person is.", { type: "reference", mutability: "readOnly" }),
    ],
  }),
];

/** What people and groups have here (RFC 7643, 7). */
export const schemas = [
  { schemas: [schemaSchema], id: coreUser, name: "User", description: "A person.", attributes: user },
  { schemas: [schemaSchema], id: enterpriseUser, name: "EnterpriseUser", description: "Work.", attributes: enterprise },
  { schemas: [schemaSchema], id: coreGroup, name: "Group", description: "A group.", attributes: group },
];
