import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, beforeEach, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { exportChanged, exportFailed } from "@lyss/contracts/events/ai-gateway.ts";
import { FollowUsageResponseSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { Registry } from "prom-client";
import { signRequest } from "../providers/bedrock/sign-request.ts";
import { aiGateway } from "../service.ts";
import { type ExportSpec, exportSchema } from "./export.ts";
import { createExports, type ExportsDeps } from "./exports.ts";

// A gateway whose providers nobody asks needs none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { db, random, sql } = service;
const clock = createFakeClock();
const outbox = createOutbox({ source: "ai-gateway", publishes: [exportChanged, exportFailed], clock, random });
const secret = "s3cret/key+x";

/** What billing has recorded, as it gives it: a place is the number of records before it. */
const recorded: { readonly callId: string; readonly atMs: number }[] = [];
const billing: ExportsDeps["billing"] = {
  async followUsage({ limit = 0, after: place = "" }) {
    const from = place === "" ? recorded.length : Number(place);
    if (from > recorded.length) throw new Failure(kitFailures.invalid_request, { field: "after", reason: "" });
    const page = recorded.slice(from, from + limit);
    const records = page.map(({ callId, atMs }, n) => ({
      ...{ tenantId: "ten_1", attempt: 1, startedAt: timestampFromMs(atMs), place: String(from + n + 1) },
      record: {
        ...{ callId, createdAt: timestampFromMs(atMs), model: "m", provider: "p", outcome: 1, costNanos: 7n },
        ...{ tokens: { inputTokens: 3n, outputTokens: 2n }, tags: "env=prod" },
      },
    }));
    const next = String(from + page.length);
    return create(FollowUsageResponseSchema, { records, next, isEnd: from + page.length === recorded.length });
  },
};

/** S3 and a receiver of OTLP in one: what they were given, by path, and what they are to say. */
const objects = new Map<string, Buffer>();
const posted: { readonly json: Json; readonly authorization: string | undefined }[] = [];
let answer: { status: number; body?: string } = { status: 200 };
let onPut: () => Promise<void> = async () => {};
type Json = Record<string, unknown>;

const receiver = createServer(async (req, res) => {
  const body = await buffer(req);
  if (answer.status === 200 && req.method === "PUT") {
    if (!isSigned(req, body)) return void res.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
    objects.set(req.url ?? "", body);
    await onPut();
  } else if (answer.status === 200) {
    posted.push({ json: JSON.parse(gunzipSync(body).toString()), authorization: req.headers.authorization });
  }
  res.writeHead(answer.status).end(answer.body);
});
receiver.listen(0, "127.0.0.1");
await once(receiver, "listening");
after(() => receiver.close());
const at = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

/** Signs what came anew, as S3 does. */
function isSigned(req: IncomingMessage, body: Buffer): boolean {
  const { authorization = "", host = "" } = req.headers;
  const [, names = ""] = /SignedHeaders=([^,]+)/.exec(authorization) ?? [];
  const more = Object.fromEntries(
    names
      .split(";")
      .filter((name) => name !== "host" && name !== "x-amz-date")
      .map((name) => [name, String(req.headers[name])]),
  );
  const time = String(req.headers["x-amz-date"]).replace(/^(....)(..)(..T..)(..)(..)Z$/, "$1-$2-$3:$4:$5Z");
  const sent = { method: "PUT", authority: host, path: req.url ?? "", body, nowMs: Date.parse(time) };
  const credentials = { accessKeyId: "AKIA1", secretAccessKey: secret };
  const signed = signRequest(sent, credentials, { region: "eu-central-1", service: "s3" }, more);
  const hash = createHash("sha256").update(body).digest("hex");
  return signed["authorization"] === authorization && req.headers["x-amz-content-sha256"] === hash;
}

const linesOf = (object: Buffer | undefined): Json[] =>
  gunzipSync(object ?? Buffer.alloc(0))
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const idsIn = () => [...objects.values()].flatMap((it) => linesOf(it).map(({ id }) => id));

const metrics = new Registry();
function openNode(by: string, more: Partial<ExportsDeps> = {}) {
  const key = Buffer.alloc(32, 1);
  const findBodies: ExportsDeps["findBodies"] = async (_tenantId, ids) =>
    new Map(ids.map((id) => [id, { request: { said: id }, answer: null }]));
  const registry = by === "a" ? metrics : new Registry();
  return createExports({
    ...{ db, outbox, clock, random, log, billing, by, key, findBodies, metrics: registry, ...more },
  });
}
const exports = openNode("a");
const run = async (node = exports) => {
  for (const job of node.jobs) await job.run(new AbortController().signal);
};

const s3 = exportSchema.parse({
  ...{ kind: "s3", endpoint: at, region: "eu-central-1", bucket: "records", prefix: "a/b_c" },
  ...{ access_key_id: "AKIA1", max_records: 3, max_age_seconds: 60 },
}) as Extract<ExportSpec, { kind: "s3" }>;
const put = (name: string, spec: ExportSpec = s3, tenantId = "") =>
  exports.put({ tenantId, name, spec, secret, expectedVersion: undefined });
const get = (name: string) => exports.get({ tenantId: "", name });
const record = (...ids: readonly string[]) => {
  for (const callId of ids) recorded.push({ callId, atMs: clock.nowMs() });
};

beforeEach(async () => {
  await sql`delete from export`;
  recorded.length = 0;
  posted.length = 0;
  objects.clear();
  answer = { status: 200 };
  onPut = async () => {};
});

test("records go to S3 as signed objects of JSON lines, gzipped, by hour: full batches at once, fewer when they are old enough", async () => {
  record("call_before");
  await put("lake");
  await run();
  record("call_1", "call_2", "call_3", "call_4");
  const hour = new Date(clock.nowMs()).toISOString().slice(0, 13).replace(/[-T]/g, "/");
  clock.advance(1_001);
  await run();
  assert.deepEqual([...objects.keys()], [`/records/a/b_c/${hour}/lake-call_1-1.jsonl.gz`]);
  const [line] = linesOf([...objects.values()][0]);
  assert.deepEqual(
    [line?.["id"], line?.["tenant_id"], line?.["status"], line?.["input_tokens"], line?.["cost_nanos"], line?.["tags"]],
    ["call_1", "ten_1", "completed", 3, "7", { env: "prod" }],
  );
  const waiting = await get("lake");
  assert.deepEqual([waiting.sentRecords, waiting.sentBatches, waiting.waitingSince !== null], [3n, 1n, true]);
  assert.match(await metrics.metrics(), /llm_export_lag_seconds\{kind="s3"\} 1/);
  clock.advance(60_000);
  await run();
  assert.deepEqual(
    idsIn(),
    ["call_1", "call_2", "call_3", "call_4"],
    "what was recorded before it was made is not sent",
  );
  assert.equal((await get("lake")).waitingSince, null);
});

test("a process that dies between sending and noting it loses nothing: the next writes over what it sent", async () => {
  await put("lake");
  await run();
  record("call_1", "call_2", "call_3");
  clock.advance(1_001);
  onPut = async () => {
    // What is noted after this is of a process that holds nothing any more.
    await sql`update export set leased_by = 'dead', leased_until = ${new Date(clock.nowMs() + 180_000)}`;
  };
  await run();
  assert.deepEqual([idsIn(), (await get("lake")).sentRecords], [["call_1", "call_2", "call_3"], 0n]);
  onPut = async () => {};
  const other = openNode("b");
  await run(other);
  assert.equal((await get("lake")).sentRecords, 0n, "it is not taken before the dead one's time is over");
  record("call_4", "call_5", "call_6");
  clock.advance(180_001);
  await run(other);
  assert.deepEqual(idsIn(), ["call_1", "call_2", "call_3", "call_4", "call_5", "call_6"]);
  assert.equal((await get("lake")).sentRecords, 6n);
});

test("two processes at once send each record once", async () => {
  await put("lake");
  await run();
  const [other, third] = [openNode("b"), openNode("c")];
  let puts = 0;
  onPut = async () => {
    puts++;
  };
  record("call_1", "call_2", "call_3", "call_4", "call_5", "call_6");
  clock.advance(1_001);
  await Promise.all([run(), run(other), run(third)]);
  assert.deepEqual([puts, (await get("lake")).sentRecords], [2, 6n]);
});

test("what is not taken is tried again, later each time, and said; what is refused five times stops, and goes on where it was", async () => {
  await put("lake");
  await run();
  record("call_1", "call_2", "call_3");
  answer = { status: 403, body: "<Error><Code>AccessDenied</Code><Message>secret words</Message></Error>" };
  const waits: number[] = [];
  for (let n = 0; n < 5; n++) {
    clock.advance((await get("lake")).nextRunAt.getTime() - clock.nowMs());
    await run();
    const { nextRunAt, state, problem } = await get("lake");
    waits.push(nextRunAt.getTime() - clock.nowMs());
    assert.deepEqual(problem, { reason: "answered_with_error", status: 403, code: "AccessDenied" });
    assert.equal(state, n < 4 ? "active" : "failed");
  }
  assert.deepEqual(waits, [2_000, 4_000, 8_000, 16_000, 32_000]);
  assert.equal((await service.listEvents()).filter(({ type }) => type === "export.failed").length, 1);
  assert.match(await metrics.metrics(), /llm_exports_failed\{kind="s3"\} 1/);
  answer = { status: 200 };
  clock.advance(3_600_000);
  await run();
  assert.deepEqual(idsIn(), [], "it has stopped");
  const resumed = await exports.resume({ tenantId: "", name: "lake" });
  assert.deepEqual([resumed.state, resumed.problem, resumed.failures], ["active", null, 0]);
  await run();
  assert.deepEqual(idsIn(), ["call_1", "call_2", "call_3"]);
});

test("a paused export sends nothing and leaves nothing out; one whose database was put back stops, and begins anew when resumed", async () => {
  await put("lake");
  await run();
  await exports.pause({ tenantId: "", name: "lake" });
  record("call_1", "call_2", "call_3");
  clock.advance(100_000);
  await run();
  assert.deepEqual(idsIn(), []);
  await exports.resume({ tenantId: "", name: "lake" });
  await run();
  assert.deepEqual(idsIn(), ["call_1", "call_2", "call_3"]);
  recorded.length = 1;
  clock.advance(1_001);
  await run();
  const lost = await get("lake");
  assert.deepEqual([lost.state, lost.problem?.reason], ["failed", "place_lost"]);
  await exports.resume({ tenantId: "", name: "lake" });
  await run();
  record("call_7", "call_8", "call_9");
  clock.advance(1_001);
  await run();
  assert.deepEqual(idsIn().slice(3), ["call_7", "call_8", "call_9"]);
});

test("an OTLP receiver is sent logs with its header; what it refuses of a batch is counted and not sent again", async () => {
  const otlp = exportSchema.parse({ kind: "otlp", url: `${at}/v1/logs`, max_records: 2 });
  await put("logs", otlp);
  await run();
  record("call_1", "call_2");
  answer = { status: 200, body: '{"partialSuccess":{"rejectedLogRecords":"1"}}' };
  clock.advance(1_001);
  await run();
  const [batch] = posted;
  assert.equal(batch?.authorization, secret);
  const text = JSON.stringify(batch?.json);
  assert.match(text, /"service\.name","value":\{"stringValue":"lyss"\}/);
  assert.match(
    text,
    /"gen_ai\.request\.model","value":\{"stringValue":"m"\}.*"gen_ai\.usage\.input_tokens","value":\{"intValue":"3"\}/,
  );
  assert.match(text, /"lyss\.call\.id","value":\{"stringValue":"call_2"\}.*"lyss\.tag\.env"/);
  const { sentRecords, rejectedRecords } = await get("logs");
  assert.deepEqual([sentRecords, rejectedRecords], [2n, 1n]);
  clock.advance(100_000);
  await run();
  assert.equal(posted.length, 1);
});

test("a test says whether the other side takes a record, and why it does not", async () => {
  await put("lake");
  const lake = { tenantId: "", name: "lake" };
  assert.equal((await exports.test(lake)).problem, undefined);
  assert.equal(linesOf([...objects.values()][0])[0]?.["model"], "lyss-export-test");
  await put("lake", { ...s3, bucket: "other" });
  await exports.put({ ...lake, spec: s3, secret: "wrong", expectedVersion: undefined });
  assert.deepEqual((await exports.test(lake)).problem, {
    ...{ reason: "answered_with_error", status: 403, code: "SignatureDoesNotMatch" },
  });
});

test("a tenant's addresses are https and public, Kafka and the bodies of all are not to be had; the secret stays with its place", async () => {
  const wrong: readonly [string, ExportSpec, RegExp][] = [
    ["ten_1", s3, /only https/],
    ["ten_1", { ...s3, endpoint: "https://10.0.0.1" } as ExportSpec, /not public/],
    ["ten_1", { ...s3, endpoint: "https://metadata.internal" } as ExportSpec, /not public/],
    ["ten_1", exportSchema.parse({ kind: "kafka", servers: ["k:9092"], topic: "t" }), /exports of the platform/],
    ["", { ...s3, bodies: true }, /exports of a tenant/],
  ];
  for (const [tenantId, spec, reason] of wrong) await assert.rejects(put("x", spec, tenantId), reason);
  await put("lake");
  const kept = { tenantId: "", name: "lake", secret: undefined, expectedVersion: 1 };
  const changed = await exports.put({ ...kept, spec: { ...s3, max_records: 9 } });
  assert.deepEqual([changed.version, changed.hasSecret], [2, true]);
  await assert.rejects(exports.put({ ...kept, spec: s3 }), /at version 2, not 1/);
  const elsewhere = { ...s3, endpoint: "https://s3.example.com" } as ExportSpec;
  await assert.rejects(exports.put({ ...kept, expectedVersion: 2, spec: elsewhere }), /secret/);
  const [row] = await sql<{ sealed: Buffer }[]>`select sealed_secret as sealed from export`;
  assert.doesNotMatch(row?.sealed.toString("latin1") ?? "", /s3cret/);
});

test("what is said in calls goes along where a tenant's export wants it, some seconds later", async () => {
  const spec = { ...s3, bodies: true };
  await db.transaction(async (tx) => {
    const now = new Date(clock.nowMs());
    await tx`insert into export (tenant_id, name, spec, version, state, next_run_at, created_at, updated_at)
      values ('ten_1', 'own', ${JSON.stringify(spec)}::text::jsonb, 1, 'active', ${now}, ${now}, ${now})`;
  });
  await run();
  const asked: number[] = [];
  const findBodies: ExportsDeps["findBodies"] = async (_tenantId, ids) => {
    asked.push(...ids.map(() => clock.nowMs() - recordedAtMs));
    return new Map(ids.map((id) => [id, { request: { said: id }, answer: null }]));
  };
  const node = openNode("d", { findBodies });
  record("call_1", "call_2", "call_3");
  const recordedAtMs = clock.nowMs();
  for (let n = 0; n < 4; n++) {
    clock.advance(1_001);
    await run(node);
  }
  assert.deepEqual(asked, [], "it may not be written yet");
  clock.advance(3_000);
  // The address of the test is not public: it is asked for, and refused when it is to be connected to.
  await run(node);
  assert.deepEqual(asked, [7_004, 7_004, 7_004]);
  const { problem } = await exports.get({ tenantId: "ten_1", name: "own" });
  assert.equal(problem?.reason, "address_refused");
});
