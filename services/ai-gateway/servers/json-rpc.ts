import { type Failure, failureText, type Locale } from "@lyss/kit/errors/failure.ts";

export type RpcId = string | number;
export type RpcParams = Readonly<Record<string, unknown>>;

/** What a message of JSON-RPC 2.0 is; a batch is none (MCP 2025-06-18 took batches away, and A2A never had them). */
export type RpcMessage =
  | { readonly kind: "request"; readonly id: RpcId; readonly method: string; readonly params: RpcParams }
  | { readonly kind: "notification"; readonly method: string; readonly params: RpcParams }
  | { readonly kind: "result"; readonly id: RpcId; readonly result: RpcParams }
  | { readonly kind: "error"; readonly id: RpcId | null; readonly code: number };

/** Codes of JSON-RPC 2.0, and one of those that are left to servers: protocols above it have more. */
export const rpcCodes = {
  parse: -32_700,
  invalidRequest: -32_600,
  unknownMethod: -32_601,
  invalidParams: -32_602,
  internal: -32_603,
  refused: -32_000,
} as const;

const maxIdLength = 256;
const maxMethodLength = 128;

export function isObject(value: unknown): value is RpcParams {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isRpcId(value: unknown): value is RpcId {
  return typeof value === "string" ? value.length <= maxIdLength : Number.isSafeInteger(value);
}

/** No tool needs more, and who reads it by recursion is not to be brought down by it. */
const maxDepth = 100;

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1));
}

/** Undefined for what is no message, or too deep for one. */
export function toRpcMessage(value: unknown): RpcMessage | undefined {
  if (isDeeper(value, maxDepth) || !isObject(value) || value["jsonrpc"] !== "2.0") return undefined;
  const { id, method, params = {}, result, error } = value;
  if (typeof method === "string") {
    if (method.length > maxMethodLength || !isObject(params)) return undefined;
    if (!("id" in value)) return { kind: "notification", method, params };
    return isRpcId(id) ? { kind: "request", id, method, params } : undefined;
  }
  if (isObject(result)) return isRpcId(id) ? { kind: "result", id, result } : undefined;
  if (!isObject(error) || !Number.isSafeInteger(error["code"])) return undefined;
  return { kind: "error", id: isRpcId(id) ? id : null, code: Number(error["code"]) };
}

/** The message of a result that is JSON already. */
export function toResultText(id: RpcId, result: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
}

/** Which code of JSON-RPC, or of the protocol above it, a failure has. */
export type RpcCodeOf = (failure: Failure) => number;

/** The message of a failure: what it is called and whether a repeat may help stand in `data`. */
export function toErrorText(id: RpcId | null, failure: Failure, locale: Locale, codeOf: RpcCodeOf): string {
  const { type, details, retryAfterMs } = failure;
  const data = {
    ...{ code: type.publicCode, retryable: type.isRetryable, details },
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
  };
  const error = { code: codeOf(failure), message: failureText(type, details, locale), data };
  return JSON.stringify({ jsonrpc: "2.0", id, error });
}
