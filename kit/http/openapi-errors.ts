import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createFailureReplies } from "./failure-reply.ts";
import type { Route, ToFailureReply } from "./route.ts";
import type { JsonSchema } from "./schema-example.ts";

/** What a route's errors look like, told by one of them. */
export interface ErrorShape {
  readonly mediaType: string;
  /** Name of the schema: `Error`, or `OpenAiError` for replies of `toOpenAiFailureReply`. */
  readonly name: string;
  readonly schema: JsonSchema;
}

const ownSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message", "message_i18n", "details", "trace_id", "retryable", "doc_url"],
      properties: {
        code: { type: "string", description: "Stable code; the list stands under x-failures." },
        message: { type: "string", description: "In the language of Accept-Language." },
        message_i18n: {
          type: "object",
          required: ["zh_CN", "en_US"],
          properties: { zh_CN: { type: "string" }, en_US: { type: "string" } },
        },
        details: { type: "object", additionalProperties: true },
        trace_id: { type: "string" },
        retryable: { type: "boolean", description: "True when the same request may succeed later." },
        doc_url: { type: "string", format: "uri" },
      },
    },
  },
};
const ownReplies = createFailureReplies("https://docs.example.com/errors");
const call = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", requestId: "req_example", locale: "en_US" } as const;

/** The platform's own shape, or that of the dialect which the route's callers speak. */
export function errorShapeOf({ toFailureReply }: Pick<Route<never>, "toFailureReply">): ErrorShape {
  const found = toFailureReply && exampleBy(toFailureReply);
  if (toFailureReply && found) {
    const [, dialect = "Dialect"] = /^to(\w+?)(?:Failure|Error)Reply$/.exec(toFailureReply.name) ?? [];
    const schema = { ...schemaOf(found.body), examples: [found.body] };
    return { mediaType: found.mediaType, name: `${dialect}Error`, schema };
  }
  return {
    mediaType: "application/json",
    name: "Error",
    schema: { ...ownSchema, examples: [exampleBy(ownReplies)?.body] },
  };
}

/** Undefined for a dialect that cannot tell it: its callers are answered in the platform's own shape. */
function exampleBy(toFailureReply: ToFailureReply) {
  const details = { field: "name", reason: "must have at most 100 characters", reason_zh_CN: "最多为 100 个字符" };
  try {
    const { headers, body } = toFailureReply(new Failure(kitFailures.invalid_request, details), call);
    const mediaType = headers["content-type"]?.split(";")[0] ?? "application/json";
    return { mediaType, body: mediaType.endsWith("json") ? (JSON.parse(body) as unknown) : body };
  } catch {
    return undefined;
  }
}

/** What a failure says besides its text is another for each. */
const facts = { type: "object", additionalProperties: true };

function schemaOf(value: unknown): JsonSchema {
  if (value === null) return {};
  if (Array.isArray(value)) return { type: "array", items: value.length > 0 ? schemaOf(value[0]) : {} };
  if (typeof value !== "object") return { type: typeof value };
  const fields = Object.entries(value);
  return {
    type: "object",
    required: fields.map(([name]) => name),
    properties: Object.fromEntries(
      fields.map(([name, field]) => [name, name === "details" && !Array.isArray(field) ? facts : schemaOf(field)]),
    ),
  };
}
