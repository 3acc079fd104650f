import type { FailureType } from "@lyss/kit/errors/failure.ts";
import { localeOf } from "@lyss/kit/http/locale.ts";
import { errorShapeOf } from "@lyss/kit/http/openapi-errors.ts";
import type { Route } from "@lyss/kit/http/route.ts";
import type { JsonSchema } from "@lyss/kit/http/schema-example.ts";
import type { Document } from "./operations.ts";
import type { Answer } from "./walked-platform.ts";

/** What no caller may see: where in our code something went wrong, or what a part behind it said. */
const inside =
  /\.[jt]s:\d+|node:internal|node_modules|PostgresError|violates \w+|syntax error at or near|ECONN\w+|\bat \w+ \(/;

/** What is wrong with an answer, however wrong the request was; undefined for one that is as the document says. */
export function findFault(
  { status, headers, text }: Answer,
  route: Pick<Route<never>, "toFailureReply" | "method"> & Announced & { readonly files?: readonly string[] },
  failures: Document["x-failures"],
  acceptLanguage = "",
): string | undefined {
  if (status >= 500 && !isOthers(route, status, text)) return "a server's error";
  const leak = inside.exec(text);
  if (leak) return `it shows ${leak[0]}`;
  if (status < 400 || text === "") return undefined;
  if (headers["x-request-id"] === undefined && status !== 400) return "it has no request id";
  // What people look at may say it on a page.
  if (route.files?.includes("text/html") && String(headers["content-type"]).startsWith("text/html")) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return "its body is not JSON";
  }
  const shape = errorShapeOf(route);
  // What is no route's answer, and what a route's dialect was not asked for, has the platform's own shape.
  const isOwn = !findMisfit(body, errorShapeOf({}).schema);
  if (shape.name !== "Error" && !isOwn) return findMisfit(body, shape.schema);
  const misfit = findMisfit(body, errorShapeOf({}).schema);
  return misfit ?? findOwnFault(body as OwnError, status, failures, headers["content-language"], acceptLanguage);
}

interface Announced {
  readonly failures?: readonly Pick<FailureType, "httpStatus" | "publicCode">[];
}

/** Whether it says what the route announces: that somebody whom it asks, at an address that a tenant names, does not answer. */
function isOthers({ failures = [] }: Announced, status: number, text: string): boolean {
  const isGateway = status === 502 || status === 504;
  return isGateway && failures.some((one) => one.httpStatus === status && text.includes(`"${one.publicCode}"`));
}

interface OwnError {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly message_i18n: Readonly<Record<"en_US" | "zh_CN", string>>;
    readonly trace_id: string;
  };
}

function findOwnFault(
  { error }: OwnError,
  status: number,
  failures: Document["x-failures"],
  contentLanguage: unknown,
  acceptLanguage: string,
): string | undefined {
  const known = failures.find(({ code }) => code === error.code);
  if (known?.status !== status) return `${error.code} stands for ${known?.status}`;
  const locale = localeOf(acceptLanguage || undefined);
  if (contentLanguage !== locale.replace("_", "-")) return `it says that it is in ${contentLanguage}`;
  if (error.message !== error.message_i18n[locale]) return `its message is not in ${locale}`;
  if (Object.values(error.message_i18n).some((message) => /\{[a-z]\w*\}/.test(message))) return "a text has a gap";
  return /^[0-9a-f]{32}$/.test(error.trace_id) ? undefined : "its trace id is none";
}

/** Where a value is not of the shape that a schema tells: fields that are required, and types. */
function findMisfit(value: unknown, schema: JsonSchema, at = "body"): string | undefined {
  const { type, required = [], properties = {} } = schema;
  const found = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  if (type !== undefined && found !== type) return `${at} is no ${String(type)}`;
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const missing = required.find((name) => !Object.hasOwn(fields, name));
  if (missing !== undefined) return `${at}.${missing} is missing`;
  for (const [name, inner] of Object.entries(properties)) {
    const misfit = name in fields ? findMisfit(fields[name], inner, `${at}.${name}`) : undefined;
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}
