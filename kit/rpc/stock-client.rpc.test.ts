import assert from "node:assert/strict";
import { after, test } from "node:test";
import { create, type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import grpc from "@grpc/grpc-js";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { systemClock } from "../service/clock.ts";
import { echoToken } from "../testing/echo-peers.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { EchoService } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";
import { openRpc } from "../testing/open-rpc.ts";
import { type Caller, currentContext } from "./call-context.ts";
import { createCallGate } from "./call-gate.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "./gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "./gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.js";
import { createHealthService } from "./health-service.ts";
import { listenForPeers } from "./peer-listener.ts";
import { createPeerRouter } from "./peer-router.ts";
import { createOperatorToken } from "./peer-token.ts";
import { mountReflection } from "./reflection-service.ts";
import { createRpcMetrics } from "./rpc-metrics.ts";
import { interceptServer } from "./server-interceptor.ts";

const clock = createFakeClock();
const router = createPeerRouter(echoToken, () => true, clock);
const states: Record<string, boolean> = { "": true, echo: true };
const watchers = new Set<() => void>();
const onChange = (callback: () => void) => {
  watchers.add(callback);
  return () => watchers.delete(callback);
};
const seen: { signal?: AbortSignal; caller?: Caller | undefined } = {};
const rpc = openRpc(EchoService, {
  say({ text }, { requestHeader, signal }) {
    seen.caller = currentContext()?.caller;
    seen.signal = signal;
    if (text === "bad") {
      const fields = { field: "text", reason: "is bad", reason_zh_CN: "不好" };
      throw new Failure(kitFailures.invalid_request, fields, { retryAfterMs: 1_500 });
    }
    return text === "wait" ? new Promise<never>(() => {}) : { text: `${text}${requestHeader.get("x-mark") ?? ""}` };
  },
  async *repeat({ text, times }) {
    for (let i = 0; i < times; i++) yield { text: `${text}${i}` };
  },
  async collect(requests) {
    return { texts: (await Array.fromAsync(requests)).map(({ text }) => text) };
  },
  async *converse(requests) {
    for await (const { text } of requests) yield { text: text.toUpperCase() };
  },
});
const serving = {
  ...{ service: "echo", clock: systemClock, log: pino({ enabled: false }), gate: createCallGate("echo") },
  ...{ metrics: createRpcMetrics(new Registry()), callers: new Set<string>(), audit: () => {} },
};
router.mount(EchoService, interceptServer(rpc, serving));
const health = { isServing: (name: string) => states[name], listNames: () => Object.keys(states), onChange };
router.mount(Health, createHealthService(health));
mountReflection(router);
const onRequest = (_req: unknown, res: { end(): unknown }) => void res.end();
const listener = await listenForPeers({ host: "127.0.0.1", port: 0, router, onRequest, clock: systemClock });
const client = new grpc.Client(new URL(listener.url).host, grpc.credentials.createInsecure());
after(async () => {
  client.close();
  await listener.close(AbortSignal.abort());
});

function withToken(token = echoToken.reveal(), more: Readonly<Record<string, string>> = {}): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries({ authorization: `Bearer ${token}`, ...more })) metadata.set(name, value);
  return metadata;
}

/** What grpc-js is given of a method: its path, and how bytes are made and read. */
function wire<M extends DescMethod>(method: M) {
  const path = `/${method.parent.typeName}/${method.name}`;
  const encode = (value: object) => Buffer.from(toBinary(method.input, create(method.input, value as never)));
  const decode = (bytes: Buffer): Message & Record<string, never> => fromBinary(method.output, bytes) as never;
  return [path, encode, decode] as const;
}

function say(text: string, metadata = withToken(), options: grpc.CallOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const [path, encode, decode] = wire(EchoService.method.say);
    client.makeUnaryRequest(path, encode, decode, { text }, metadata, options, (err, answer) =>
      err ? reject(err) : resolve(String(answer?.["text"])),
    );
  });
}

function ask(contract: typeof ServerReflection | typeof ServerReflectionAlpha, questions: readonly object[]) {
  const stream = client.makeBidiStreamRequest(...wire(contract.method.serverReflectionInfo), withToken(), {});
  for (const messageRequest of questions) stream.write({ messageRequest });
  stream.end();
  return stream.toArray();
}

test("a stock client calls once with and without a deadline, and its metadata arrive", async () => {
  assert.equal(await say("a"), "a");
  const deadline = new Date(Date.now() + 60_000);
  assert.equal(await say("b", withToken(undefined, { "x-mark": "!" }), { deadline }), "b!");
  await assert.rejects(say("wait", withToken(), { deadline: new Date(Date.now() + 50) }), {
    code: grpc.status.DEADLINE_EXCEEDED,
  });
});

test("a stock client streams in all three ways", async () => {
  const repeated = client.makeServerStreamRequest(
    ...wire(EchoService.method.repeat),
    { text: "x", times: 2 },
    withToken(),
    {},
  );
  assert.deepEqual(
    (await repeated.toArray()).map(({ text }) => text),
    ["x0", "x1"],
  );

  const collected = await new Promise<unknown>((resolve, reject) => {
    const [path, encode, decode] = wire(EchoService.method.collect);
    const stream = client.makeClientStreamRequest(path, encode, decode, withToken(), {}, (err, answer) =>
      err ? reject(err) : resolve(answer?.["texts"]),
    );
    stream.write({ text: "a" });
    stream.write({ text: "b" });
    stream.end();
  });
  assert.deepEqual(collected, ["a", "b"]);

  const talk = client.makeBidiStreamRequest(...wire(EchoService.method.converse), withToken(), {});
  const answers = talk[Symbol.asyncIterator]();
  for (const text of ["a", "b"]) {
    talk.write({ text });
    assert.equal((await answers.next()).value.text, text.toUpperCase());
  }
  talk.end();
  assert.equal((await answers.next()).done, true);
});

test("a stock client that cancels ends its call on the server too", async () => {
  const [path, encode, decode] = wire(EchoService.method.say);
  delete seen.signal;
  const ended = new Promise((resolve) => {
    const call = client.makeUnaryRequest(path, encode, decode, { text: "wait" }, withToken(), {}, resolve);
    const cancelOnceThere = () => (seen.signal ? call.cancel() : setImmediate(cancelOnceThere));
    cancelOnceThere();
  });
  assert.equal(((await ended) as grpc.ServiceError).code, grpc.status.CANCELLED);
  const signal = seen.signal as AbortSignal | undefined;
  assert.ok(signal);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
});

test("a stock client finds what failed, which field, and when to come back in the standard error details", async () => {
  const err = await say("bad").then(
    () => assert.fail("it was answered"),
    (thrown: grpc.ServiceError) => thrown,
  );
  // Connect encodes more of a message than grpc-js decodes.
  assert.deepEqual([err.code, decodeURIComponent(err.details)], [grpc.status.INVALID_ARGUMENT, "text: is bad"]);
  const bytes = err.metadata.get("grpc-status-details-bin")[0] as Buffer;
  const trailer = { "grpc-status": String(err.code), "grpc-status-details-bin": bytes.toString("base64") };
  const found = findTrailerError(new Headers(trailer));
  const [info] = found?.findDetails(ErrorInfoSchema) ?? [];
  assert.deepEqual([info?.domain, info?.reason, info?.metadata["field"]], ["kit", "INVALID_REQUEST", "text"]);
  const [bad] = found?.findDetails(BadRequestSchema) ?? [];
  assert.deepEqual(
    bad?.fieldViolations.map(({ field, description }) => [field, description]),
    [["text", "is bad"]],
  );
  const [retry] = found?.findDetails(RetryInfoSchema) ?? [];
  assert.deepEqual([retry?.retryDelay?.seconds, retry?.retryDelay?.nanos], [1n, 500_000_000]);
});

test("a stock client checks health, lists it, and watches each change of it", async () => {
  const [path, encode, decode] = wire(Health.method.check);
  const checked = await new Promise<Record<string, unknown> | undefined>((resolve, reject) => {
    client.makeUnaryRequest(path, encode, decode, { service: "echo" }, withToken(), {}, (err, answer) =>
      err ? reject(err) : resolve(answer),
    );
  });
  assert.equal(checked?.["status"], Status.SERVING);
  const watch = client.makeServerStreamRequest(...wire(Health.method.watch), { service: "echo" }, withToken(), {});
  const unknown = client.makeServerStreamRequest(...wire(Health.method.watch), { service: "none" }, withToken(), {});
  const told = watch[Symbol.asyncIterator]();
  assert.equal((await told.next()).value.status, Status.SERVING);
  states["echo"] = false;
  for (const wake of watchers) wake();
  assert.equal((await told.next()).value.status, Status.NOT_SERVING);
  assert.equal((await unknown[Symbol.asyncIterator]().next()).value.status, Status.SERVICE_UNKNOWN);
  for (const stream of [watch, unknown]) {
    stream.on("error", () => {});
    stream.cancel();
  }
});

test("a watch whose time is over says so where the server sees it first, and is no stream that ended well", async () => {
  // Told to the server alone: a client that holds the deadline as well would hide what the server answers.
  const metadata = withToken(undefined, { "grpc-timeout": "50m" });
  const watch = client.makeServerStreamRequest(...wire(Health.method.watch), { service: "echo" }, metadata, {});
  await assert.rejects(watch.toArray(), { code: grpc.status.DEADLINE_EXCEEDED });
});

for (const contract of [ServerReflection, ServerReflectionAlpha]) {
  test(`${contract.typeName} lists services and gives files by name and symbol, with all they import`, async () => {
    const name = "lyss/kit/testing/v1/echo.proto";
    const answers = await ask(contract, [
      { case: "listServices", value: "" },
      { case: "fileByFilename", value: name },
      { case: "fileContainingSymbol", value: "lyss.kit.testing.v1.EchoService.Say" },
      { case: "fileContainingSymbol", value: "google.rpc.RetryInfo" },
      { case: "allExtensionNumbersOfType", value: "lyss.kit.testing.v1.SayRequest" },
      {
        case: "fileContainingExtension",
        value: { containingType: "lyss.kit.testing.v1.SayRequest", extensionNumber: 1 },
      },
      { case: "fileContainingSymbol", value: "no.such.Thing" },
      { case: "allExtensionNumbersOfType", value: "no.such.Thing" },
      {},
    ]);
    const [list, byName, bySymbol, details, none, noExtension, unknown, unknownType, empty] = answers.map(
      ({ messageResponse }) => messageResponse,
    );
    const services = list.value.service.map((service: { name: string }) => service.name);
    assert.ok(services.includes(EchoService.typeName) && services.includes(contract.typeName));
    const filesOf = (response: { value: { fileDescriptorProto: Uint8Array[] } }) =>
      response.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
    assert.deepEqual([filesOf(byName), filesOf(bySymbol)], [[name], [name]]);
    assert.deepEqual(filesOf(details), ["google/rpc/error_details.proto", "google/protobuf/duration.proto"]);
    assert.deepEqual([none.value.baseTypeName, none.value.extensionNumber], ["lyss.kit.testing.v1.SayRequest", []]);
    for (const refused of [noExtension, unknown, unknownType])
      assert.equal(refused.value.errorCode, grpc.status.NOT_FOUND);
    assert.equal(empty.value.errorCode, grpc.status.INVALID_ARGUMENT);
  });
}

test("an operator's token is good until it expires, and its holder is believed to be nobody else", async () => {
  const caller = Buffer.from(
    JSON.stringify({ tenantId: "ten_1", userId: "", keyId: "", permissions: ["*"], models: [] }),
  );
  const claims = { "lyss-service": "stranger", "lyss-caller": caller.toString("base64url") };
  const token = createOperatorToken(echoToken, 60_000, clock);
  assert.equal(await say("by hand", withToken(token, claims)), "by hand");
  assert.equal(seen.caller, undefined);
  await say("by a peer", withToken(undefined, { "lyss-caller": claims["lyss-caller"] }));
  assert.equal((seen.caller as Caller | undefined)?.tenantId, "ten_1");
  const [, expiry] = token.split("_");
  for (const forged of [token.replace(`${expiry}`, "zzzzzzzz"), `${token}a`, token.slice(0, -1)]) {
    await assert.rejects(say("x", withToken(forged)), { code: grpc.status.UNAUTHENTICATED });
  }
  clock.advance(60_000);
  await assert.rejects(say("x", withToken(token)), { code: grpc.status.UNAUTHENTICATED });
  assert.throws(() => createOperatorToken(echoToken, 3_600_001, clock), RangeError);
});
