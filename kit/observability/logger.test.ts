import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { runInContext } from "../rpc/call-context.ts";
import { createLogger, type LoggerOptions } from "./logger.ts";
import { formatTextLine } from "./text-line.ts";

function setUp(options: LoggerOptions & { isTTY?: boolean } = {}) {
  const lines: string[] = [];
  const destination = { isTTY: options.isTTY ?? false, write: (line: string) => void lines.push(line) };
  return { lines, log: createLogger({ level: "debug", ...options, destination }) };
}
const canary = "canary-7f3a";

test("values of secret fields read [secret] at any of four levels, in errors too, and nothing deeper is printed", () => {
  const { lines, log } = setUp();
  const names = ["authorization", "X-Api-Key", "set-cookie", "password", "clientSecret", "refresh_token", "apiKey"];
  const secrets = Object.fromEntries(names.map((name) => [name, canary]));
  const input = {
    a: { b: { c: { ...secrets, d: { e: { f: secrets } } } } },
    list: [secrets],
    ...secrets,
    own: new Secret(canary),
  };
  log.info(input, "message");
  log.error({ err: Object.assign(new Error("failed"), { headers: secrets }) }, "message");
  log.error(
    { err: new Failure(kitFailures.internal, {}, { cause: Object.assign(new Error("x"), secrets) }) },
    "message",
  );
  log.error({ err: new Error(`connect to postgres://user:${canary}@db/x failed`) }, "message");
  assert.equal(lines.length, 4);
  for (const line of lines) assert.ok(!line.includes(canary), line);
  assert.equal(JSON.parse(lines[0] ?? "").a.b.c.password, "[secret]");
  assert.equal(secrets["password"], canary);
});

test("a line made while serving a call carries its trace and request ids; JSON lines have ISO time and level names", () => {
  const { lines, log } = setUp();
  const context = { traceId: "t".repeat(32), spanId: "s", isSampled: false, caller: undefined, deadlineMs: undefined };
  runInContext({ ...context, locale: "en_US", requestId: "req_1" }, () => log.info("inside"));
  log.info("outside");
  const [inside, outside] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([inside.trace_id, inside.request_id, inside.level], [context.traceId, "req_1", "info"]);
  assert.ok(!Number.isNaN(Date.parse(inside.time)));
  assert.deepEqual(Object.keys(outside), ["level", "time", "msg"]);
});

test("the format follows the terminal unless it is told, and the level is obeyed", () => {
  const isJson = (options: LoggerOptions & { isTTY?: boolean }) => {
    const { lines, log } = setUp(options);
    log.info({ port: 1 }, "hello");
    return lines[0]?.startsWith("{");
  };
  assert.deepEqual([isJson({}), isJson({ isTTY: true })], [true, false]);
  assert.deepEqual([isJson({ isTTY: true, format: "json" }), isJson({ format: "text" })], [true, false]);
  const { lines, log } = setUp({ level: "warn" });
  log.info("quiet");
  assert.equal(lines.length, 0);
});

test("a text line is one line of time, level, message and fields, with the stack below and no foreign control characters", () => {
  const record = {
    level: "warn",
    time: "2026-01-01T12:30:45.678Z",
    msg: "a\u001b[2Jb\nc",
    port: 80,
    path: "/x",
    note: "two words",
  };
  const plain = (line: string) => line.replace(/\p{Cc}\[\d+m/gu, "");
  const shown = plain(formatTextLine(JSON.stringify(record)));
  assert.equal(shown, '12:30:45.678 warn  a\\x1b[2Jb\\x0ac port=80 path=/x note="two words"\n');
  const failed = formatTextLine(JSON.stringify({ level: "error", msg: "m", err: { stack: "Error: x\n    at y" } }));
  assert.match(plain(failed), / error m\n {2}Error: x\n {6}at y\n$/);
  assert.equal(formatTextLine("not json\n"), "not json\n");
});
