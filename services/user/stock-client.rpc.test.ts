import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, createFileRegistry, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import grpc from "@grpc/grpc-js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { createCallGate } from "@lyss/kit/rpc/call-gate.ts";
import { listenForPeers } from "@lyss/kit/rpc/peer-listener.ts";
import { createPeerRouter } from "@lyss/kit/rpc/peer-router.ts";
import { createRpcMetrics } from "@lyss/kit/rpc/rpc-metrics.ts";
import { interceptServer } from "@lyss/kit/rpc/server-interceptor.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { echoToken } from "@lyss/kit/testing/echo-peers.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createUserRpc } from "./rpc.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

/** The contract as others were promised it: read from that text alone, and from nothing of ours. */
const appendix = fileURLToPath(new URL("./testdata/appendix", import.meta.url));
const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));
const described = execFileSync(buf, ["build", appendix, "--as-file-descriptor-set", "-o", "-"]);
const contract = createFileRegistry(fromBinary(FileDescriptorSetSchema, described)).getService(
  "lyss.user.v1.UserService",
);

const clients = peersThatServe();
const { ops } = await startTestService({ after }, user, { clients });
const router = createPeerRouter(echoToken, () => true, systemClock);
router.mount(
  user.contract as NonNullable<typeof user.contract>,
  interceptServer(createUserRpc(ops), {
    ...{ service: "user", clock: systemClock, log: pino({ enabled: false }), gate: createCallGate("user") },
    ...{ metrics: createRpcMetrics(new Registry()), callers: new Set<string>(), audit: () => {} },
  }),
);
const onRequest = (_req: unknown, res: { end(): unknown }) => void res.end();
const listener = await listenForPeers({ host: "127.0.0.1", port: 0, router, onRequest, clock: systemClock });
const client = new grpc.Client(new URL(listener.url).host, grpc.credentials.createInsecure());
after(async () => {
  client.close();
  await listener.close(AbortSignal.abort());
});

type Answer = Message & Readonly<Record<string, unknown>>;

function call(name: string, request: Readonly<Record<string, unknown>>): Promise<Answer> {
  const method = contract?.methods.find((one) => one.name === name);
  assert.ok(method, name);
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${echoToken.reveal()}`);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      (value: object) => Buffer.from(toBinary(method.input, create(method.input, value as never))),
      (bytes: Buffer) => fromBinary(method.output, bytes) as Answer,
      request,
      metadata,
      (err, answer) => (err ? reject(err) : resolve(answer as Answer)),
    );
  });
}

const password = "correct horse battery";

test("A.1: a stock client with the appendix' contract creates, reads, changes, lists and deletes people", async () => {
  const operator = { email: "root@example.com", name: "Root", role: "operator", tenantId: "ten_platform" } as const;
  await ops.createUser({ ...operator, password: new Secret(password) });
  const created = await call("CreateUser", { email: "Ann@Example.com", password, name: "Ann" });
  const { userId } = created;
  assert.deepEqual([created["email"], created["name"], created["status"]], ["ann@example.com", "Ann", 1]);
  assert.equal((await ops.getUser({ userId: String(userId), tenantId: "ten_platform" })).role, "member");
  assert.equal((await call("GetUser", { userId }))["email"], "ann@example.com");

  const renamed = await call("UpdateUser", { userId, name: "Anna" });
  assert.deepEqual([renamed["name"], renamed["status"]], ["Anna", 1]);
  const suspended = await call("UpdateUser", { userId, status: 3 });
  assert.deepEqual([suspended["name"], suspended["status"]], ["Anna", 3]);
  const { updatedAt, createdAt } = suspended as unknown as Record<string, { readonly seconds: bigint }>;
  assert.ok((updatedAt?.seconds ?? 0n) >= (createdAt?.seconds ?? 1n));

  for (const n of [1, 2, 3]) await call("CreateUser", { email: `p${n}@example.com`, password, name: `P ${n}` });
  const page = await call("ListUsers", { page: 2, pageSize: 2, filter: "" });
  const names = (answer: Answer) => (answer["users"] as { name: string }[]).map(({ name }) => name);
  assert.deepEqual([names(page), page["totalCount"], page["page"], page["pageSize"]], [["P 1", "Anna"], 5, 2, 2]);
  assert.deepEqual(names(await call("ListUsers", { filter: "status:suspended ANN" })), ["Anna"]);
  assert.deepEqual(names(await call("ListUsers", { filter: "100%" })), []);
  assert.deepEqual(names(await call("ListUsers", { page: 9 })), []);

  assert.deepEqual(Object.keys(await call("DeleteUser", { userId })), ["$typeName"]);
  await assert.rejects(call("GetUser", { userId }), { code: grpc.status.NOT_FOUND });
  await assert.rejects(call("DeleteUser", { userId }), { code: grpc.status.NOT_FOUND });
  const bad = call("ListUsers", { pageSize: 201 });
  await assert.rejects(bad, (err) => {
    const { code, details } = err as grpc.ServiceError;
    return code === grpc.status.INVALID_ARGUMENT && /pageSize/.test(details);
  });
});
