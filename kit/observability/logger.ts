import { type Logger, pino, stdSerializers } from "pino";
import { currentContext } from "../rpc/call-context.ts";
import { redactSecrets } from "./redact.ts";
import { formatTextLine } from "./text-line.ts";

export interface LoggerOptions {
  readonly level?: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  /** `auto` is text on a terminal and JSON elsewhere. */
  readonly format?: "auto" | "json" | "text";
  /** Where lines go; standard output unless given. */
  readonly destination?: { write(line: string): unknown; readonly isTTY?: boolean };
}

/**
 * The process's logger. Each line made while serving a call carries its `trace_id` and `request_id`; values of secret
 * fields read `[secret]`, in objects and in errors. A child logger's own bindings are taken as they are.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = "info", format = "auto", destination = process.stdout } = options;
  const isText = format === "text" || (format === "auto" && destination.isTTY === true);
  const stream = isText ? { write: (line: string) => void destination.write(formatTextLine(line)) } : destination;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "msg",
      mixin() {
        const context = currentContext();
        if (!context) return {};
        const { traceId: trace_id, requestId: request_id } = context;
        return request_id === undefined ? { trace_id } : { trace_id, request_id };
      },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redactSecrets(fields) as Record<string, unknown>,
      },
      serializers: { err: serializeError, error: serializeError },
    },
    stream as { write(line: string): void },
  );
}

// Drivers like to quote the connection string that failed.
const urlPassword = /(:\/\/[^\s/:@]*:)[^\s/@]+@/g;

function serializeError(err: unknown): unknown {
  if (!(err instanceof Error)) return redactSecrets(err);
  const fields = redactSecrets(stdSerializers.err(err)) as Record<string, unknown>;
  for (const name of ["message", "stack"]) {
    if (typeof fields[name] === "string") fields[name] = fields[name].replace(urlPassword, "$1[secret]@");
  }
  return fields;
}
