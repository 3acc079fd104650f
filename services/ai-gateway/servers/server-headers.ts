import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

/** What is sent with each request to a server, by the names of headers. */
export type ServerHeaders = Readonly<Record<string, string>>;

/** What frames a message or belongs to the protocol is not for others to set. */
const ownHeaders: ReadonlySet<string> = new Set([
  ...["host", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te", "trailer"],
  ...["upgrade", "expect", "accept", "accept-encoding", "mcp-session-id", "mcp-protocol-version", "last-event-id"],
  ...["a2a-version", "a2a-extensions", "x-a2a-extensions", "proxy-connection", "proxy-authorization"],
]);

/** What is sent with each request, by the names of headers; `value` is how one is written. */
export function serverHeadersSchema<Value extends z.ZodType>(value: Value) {
  return z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/, inBothLanguages("must be the name of a header", "必须是请求头的名称"))
        .refine(
          (name) => !ownHeaders.has(name.toLowerCase()),
          inBothLanguages("is set by Lyss itself", "该请求头由 Lyss 自行设置"),
        ),
      value,
    )
    .refine(
      (headers) => Object.keys(headers).length <= 20,
      inBothLanguages("must have at most 20 headers", "最多包含 20 个请求头"),
    );
}

/** A header's value: what can be seen, and spaces. */
export const headerValueSchema = z
  .string()
  .regex(
    /^[\x20-\x7e]{1,8192}$/,
    inBothLanguages("must be visible ASCII, 1 to 8,192 characters", "必须是 1 到 8,192 个可见 ASCII 字符"),
  );
