import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { ConfigError, formatProblems } from "./config-error.ts";
import { listConfigReference, toReferenceTable } from "./config-reference.ts";
import { type LoadConfigOptions, loadConfig } from "./load-config.ts";
import { secretSchema } from "./secret.ts";

const sections = {
  dataDir: z.string().min(1).max(100).default(".lyss"),
  rootKey: secretSchema.optional(),
  run: z.array(z.enum(["auth", "billing"])).default(["auth"]),
  peers: z.partialRecord(z.enum(["auth", "ai-gateway"]), z.url({ protocol: /^http$/ })).default({}),
  labels: z.record(z.string(), z.string()).default({}),
  http: z.strictObject({
    host: z.string().default("127.0.0.1"),
    port: z.int().min(1).max(65_535).default(8080).describe("Port of the public listener."),
    idleTimeoutMs: z.int().min(0).max(3_600_000).default(30_000),
    bodyBytes: z.int().min(0).default(1_024),
    tls: z.strictObject({ isOn: z.boolean().default(false), ciphers: z.array(z.string()).max(3).default([]) }),
  }),
  database: z.strictObject({ url: secretSchema, maxConnections: z.int().max(100).default(60) }),
  log: z.strictObject({ level: z.enum(["info", "debug"]).default("info"), limit: z.bigint().optional() }).prefault({}),
  providers: z.array(z.strictObject({ name: z.string(), key: secretSchema })).default([]),
};
const needed = { LYSS_DATABASE_URL: "postgres://u:pw@db/x" };
type Options = Partial<Omit<LoadConfigOptions<typeof sections>, "sections" | "file">> & { readonly yaml?: string };

function load({ yaml, env = {}, ...options }: Options) {
  const file = yaml === undefined ? undefined : { name: "lyss.yaml", text: yaml };
  return loadConfig({
    sections,
    file,
    env: { ...needed, ...env },
    reservedEnv: ["LYSS_CONFIG", "LYSS_API_KEY"],
    ...options,
  });
}

function problemsOf(options: Options): ConfigError {
  try {
    load(options);
  } catch (err) {
    if (err instanceof ConfigError) return err;
    throw err;
  }
  throw new Error("the configuration was accepted");
}

test("defaults < file < environment < flags, nested groups included", () => {
  const yaml = "http:\n  port: 1\n  host: file\n  tls:\n    isOn: true\n";
  const env = { LYSS_HTTP_PORT: "2", LYSS_HTTP_TLS_CIPHERS: "a, b" };
  const { config } = load({ yaml, env, flags: { "http.port": "3" } });
  assert.deepEqual(
    { ...config.http },
    { host: "file", port: 3, idleTimeoutMs: 30_000, bodyBytes: 1_024, tls: { isOn: true, ciphers: ["a", "b"] } },
  );
  assert.equal(load({ yaml, env }).config.http.port, 2);
  assert.equal(load({ yaml }).config.http.port, 1);
  assert.equal(load({}).config.http.port, 8080);
  assert.equal(config.database.url.reveal(), needed.LYSS_DATABASE_URL);
});

test("variables are named after keys and read as their types: numbers, booleans, lists, units, records, 64-bit", () => {
  const { config } = load({
    env: {
      LYSS_DATA_DIR: "/data",
      LYSS_RUN: "auth,billing",
      LYSS_PEERS_AI_GATEWAY: "http://a:1",
      LYSS_LABELS_ZONE_NAME: "7",
      LYSS_HTTP_IDLE_TIMEOUT_MS: "5m",
      LYSS_HTTP_BODY_BYTES: "64KiB",
      LYSS_HTTP_TLS_IS_ON: "true",
      LYSS_LOG_LIMIT: "9007199254740993",
      LYSS_LOG_LEVEL: "",
      LYSS_CONFIG: "reserved.yaml",
      OTHER: "not ours",
    },
  });
  assert.equal(config.dataDir, "/data");
  assert.deepEqual(config.run, ["auth", "billing"]);
  assert.deepEqual({ ...config.peers }, { "ai-gateway": "http://a:1" });
  assert.deepEqual({ ...config.labels }, { "zone-name": "7" });
  assert.deepEqual([config.http.idleTimeoutMs, config.http.bodyBytes, config.http.tls.isOn], [300_000, 65_536, true]);
  assert.equal(config.log.limit, 9007199254740993n);
});

test("{env: NAME} in the file stands for the variable, anywhere, and is read as the key's type", () => {
  const yaml = "http: {port: {env: PORT}, idleTimeoutMs: 10s}\nproviders: [{name: a, key: {env: A_KEY}}]\n";
  const { config } = load({ yaml, env: { PORT: "81", A_KEY: "canary" } });
  assert.deepEqual([config.http.port, config.http.idleTimeoutMs], [81, 10_000]);
  assert.equal(config.providers[0]?.key.reveal(), "canary");
});

const mistakes: readonly [Options, english: string, chinese: string][] = [
  [
    { yaml: "\nhttp:\n  prot: 1\n" },
    "http.prot: is not a known key; did you mean http.port? (lyss.yaml:3)",
    "http.prot：不是已知的配置项，是否想写 http.port？（lyss.yaml:3）",
  ],
  [
    { yaml: "completely-else: 1\n" },
    "completely-else: is not a known key (lyss.yaml:1)",
    "completely-else：不是已知的配置项（lyss.yaml:1）",
  ],
  [
    { env: { LYSS_HTTP_PROT: "1" } },
    "LYSS_HTTP_PROT: is not a known variable; did you mean LYSS_HTTP_PORT?",
    "LYSS_HTTP_PROT：不是已知的环境变量，是否想写 LYSS_HTTP_PORT？",
  ],
  [
    { env: { LYSS_PEERS_AUHT: "http://a:1" } },
    "LYSS_PEERS_AUHT: is not a known variable; did you mean LYSS_PEERS_AUTH?",
    "LYSS_PEERS_AUHT：不是已知的环境变量，是否想写 LYSS_PEERS_AUTH？",
  ],
  [
    { flags: { "http.porr": 1 } },
    "http.porr: is not a known key; did you mean http.port? (flag http.porr)",
    "http.porr：不是已知的配置项，是否想写 http.port？（flag http.porr）",
  ],
  [
    { env: { LYSS_HTTP_PORT: "eighty" } },
    'http.port = "eighty": must be a number, not a string (LYSS_HTTP_PORT)',
    'http.port = "eighty"：必须是数字，而不是字符串（LYSS_HTTP_PORT）',
  ],
  [
    { yaml: "http: {port: 0}" },
    "http.port = 0: must be at least 1 (lyss.yaml:1)",
    "http.port = 0：不得小于 1（lyss.yaml:1）",
  ],
  [
    { flags: { "http.port": "70000" } },
    "http.port = 70000: must be at most 65535 (flag http.port)",
    "http.port = 70000：不得大于 65535（flag http.port）",
  ],
  [
    { yaml: "log:\n  level: loud" },
    'log.level = "loud": must be info or debug (lyss.yaml:2)',
    'log.level = "loud"：必须是 info 或 debug（lyss.yaml:2）',
  ],
  [
    { yaml: "http: 5", env: { LYSS_HTTP_PORT: "1" } },
    "http = 5: must be an object, not a number (lyss.yaml:1)",
    "http = 5：必须是对象，而不是数字（lyss.yaml:1）",
  ],
  [
    { env: { LYSS_PEERS_AUTH: "ftp://u:canary@a" } },
    'peers.auth = "ftp://u:[secret]@a": must be a URL (LYSS_PEERS_AUTH)',
    'peers.auth = "ftp://u:[secret]@a"：必须是 URL（LYSS_PEERS_AUTH）',
  ],
  [
    { env: { LYSS_DATABASE_URL: undefined } },
    "database.url: is required; set it in the file or as LYSS_DATABASE_URL",
    "database.url：为必填项，请在配置文件中或用 LYSS_DATABASE_URL 设置",
  ],
  [
    { yaml: "database: {url: {env: DB}}", env: { LYSS_DATABASE_URL: undefined } },
    "database.url: the variable DB is not set (lyss.yaml:1)",
    "database.url：环境变量 DB 未设置（lyss.yaml:1）",
  ],
  [
    { yaml: "providers:\n  - name: a\n" },
    "providers.0.key: is required (lyss.yaml:2)",
    "providers.0.key：为必填项（lyss.yaml:2）",
  ],
  [
    { yaml: "a: 1\na: 2" },
    "lyss.yaml: is not valid YAML: a key stands twice (lyss.yaml:2)",
    "lyss.yaml：不是有效的 YAML：有重复的键（lyss.yaml:2）",
  ],
  [{ yaml: "- 1" }, "lyss.yaml: must hold keys and values", "lyss.yaml：必须由键和值组成"],
  [{ yaml: "#".repeat(1_048_577) }, "lyss.yaml: is larger than 1 MiB", "lyss.yaml：超过 1 MiB"],
];

test("each kind of mistake names key, value, reason and source, in both languages", () => {
  for (const [options, english, chinese] of mistakes) {
    const err = problemsOf(options);
    assert.equal(err.message, `The configuration has 1 problem:\n  ${english}`);
    assert.equal(formatProblems(err.problems, "zh_CN"), `配置有 1 处问题：\n  ${chinese}`);
  }
});

test("every problem is told at once, in the language asked for", () => {
  const yaml = "http: {prot: 1, port: x}\nlog: {level: loud}\n";
  const err = problemsOf({ yaml, env: { LYSS_HOST: "x" }, locale: "zh_CN" });
  assert.equal(err.problems.length, 4);
  assert.match(err.message, /^配置有 4 处问题：\n/);
});

test("no secret is in a message or a description, wherever it was put", () => {
  const canary = "canary-5d1c";
  const attempts: Options[] = [
    { yaml: `database: ${canary}` },
    { yaml: `database: {url: [${canary}]}` },
    { yaml: `database: {url: {secret: ${canary}}}` },
    { yaml: `providers: [{name: 1, key: ${canary}}]` },
    { yaml: `databse: {url: ${canary}}` },
    { yaml: `database: {url: "${canary}` },
    { yaml: `database: {url: *${canary}}` },
    { yaml: `{env: ${canary}: ${canary}` },
    { yaml: `a: 1\n${canary}` },
    { yaml: `a: b: ${canary}` },
    { yaml: `a: "x" ${canary}` },
    { yaml: `%YAML ${canary}\n---\na: 1` },
    { env: { LYSS_ROOT_KEY: canary.repeat(2_000) } },
    { env: { LYSS_ROOT_KEYS: canary } },
  ];
  for (const options of attempts) {
    const err = problemsOf({ ...options, env: { LYSS_DATABASE_URL: undefined, ...options.env } });
    assert.ok(!err.message.includes(canary) && !err.stack?.includes(canary), err.message);
  }
  const loaded = load({ env: { LYSS_ROOT_KEY: canary }, yaml: `providers: [{name: a, key: ${canary}}]` });
  assert.ok(!loaded.describe().includes(canary) && !loaded.describe().includes("pw"));
});

test("a file made to exhaust memory or to reach a prototype is refused", () => {
  const laughs = `a: &a [1,1,1,1,1,1,1,1,1,1]\n${[..."bcdefghi"].map((name, i) => `${name}: &${name} [${`*${"abcdefghi"[i]},`.repeat(9)}1]`).join("\n")}`;
  assert.match(problemsOf({ yaml: laughs }).message, /holds too much/);
  assert.match(problemsOf({ yaml: `a: ${"[".repeat(5_000)}` }).message, /YAML|too deep/);
  assert.match(
    problemsOf({ yaml: "__proto__: {polluted: 1}\nconstructor: 1" }).message,
    /__proto__: is not a known key/,
  );
  assert.equal(({} as { polluted?: number }).polluted, undefined);
});

test("the description shows every key, its value and who set it", () => {
  const lines = load({
    yaml: "http: {port: {env: PORT}}",
    env: { PORT: "81", LYSS_LABELS_A: "b" },
    flags: { dataDir: "/d" },
  });
  const shown = lines.describe().split("\n");
  for (const line of [
    'dataDir: "/d"  # flag dataDir',
    "rootKey: (not set)",
    "http.port: 81  # PORT, lyss.yaml:1",
    'http.host: "127.0.0.1"  # default',
    "database.url: [secret]  # LYSS_DATABASE_URL",
    'labels: {"a":"b"}  # LYSS_LABELS_A',
  ]) {
    assert.ok(shown.includes(line), `${line} is not in\n${shown.join("\n")}`);
  }
});

test("the reference lists every key with type, default, bounds and variable", () => {
  const rows = listConfigReference(sections);
  const row = (key: string) => rows.find((candidate) => candidate.key === key);
  assert.deepEqual(row("http.port"), {
    key: "http.port",
    type: "whole number",
    default: "8080",
    bounds: "1 to 65535",
    env: "LYSS_HTTP_PORT",
    isRequired: false,
    isSecret: false,
    isLive: false,
    description: "Port of the public listener.",
  });
  assert.equal(row("http.idleTimeoutMs")?.type, "whole number, in ms or as 30s, 5m, 1h");
  assert.deepEqual([row("database.url")?.type, row("database.url")?.isRequired], ["secret", true]);
  assert.deepEqual([row("peers")?.type, row("peers")?.env], ["map of URL", "LYSS_PEERS_<NAME>"]);
  assert.deepEqual([row("run")?.type, row("run")?.default], ["list of auth, billing", '["auth"]']);
  assert.deepEqual(
    [row("providers")?.type, row("providers")?.env, row("providers")?.isSecret],
    ["list of objects", "", true],
  );
  assert.deepEqual([row("providers[].key")?.type, row("providers[].key")?.env], ["secret", ""]);
  const expected =
    "| `http.port` | whole number | `8080` | 1 to 65535 | `LYSS_HTTP_PORT` | Port of the public listener. |";
  assert.ok(toReferenceTable(rows).split("\n").includes(expected));
});

test("two keys that would share a variable are refused", () => {
  const clash = { httpPort: z.int(), http: z.strictObject({ port: z.int() }) };
  assert.throws(() => loadConfig({ sections: clash, env: {} }), /httpPort and http\.port would both be LYSS_HTTP_PORT/);
});
