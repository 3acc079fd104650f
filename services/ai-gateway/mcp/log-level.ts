import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { isPlain } from "../servers/plain-text.ts";
import type { McpServer } from "./mcp-server.ts";

/** Of what a server logs, from what is said in passing to what stops everything (RFC 5424, as MCP has them). */
export const logLevels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const;
export type LogLevel = (typeof logLevels)[number];

export function isLogLevel(value: unknown): value is LogLevel {
  return logLevels.some((level) => level === value);
}

/** Whether what is logged at `level` is heard from `from` on. */
export function isHeardFrom(from: LogLevel, level: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(from);
}

const maxDataLength = 16_384;
const maxLoggerLength = 200;

/** What a server has logged, as a client hears it that wants to from `from` on; undefined for what is below that, or nothing that can be passed on. */
export function toLogged({ name }: Pick<McpServer, "name">, said: RpcParams, from: LogLevel): RpcParams | undefined {
  const { level, logger, data } = isObject(said) ? said : {};
  if (!isLogLevel(level) || !isHeardFrom(from, level) || data === undefined) return undefined;
  if (JSON.stringify(data).length > maxDataLength) return undefined;
  return { level, logger: isPlain(logger, maxLoggerLength) ? `${name}/${logger}` : name, data };
}
