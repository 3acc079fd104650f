import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { failureText, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { systemClock } from "../service/clock.ts";
import { eachTransport } from "../testing/each-transport.ts";
import { EchoService } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";
import { type CallContext, noSession, runInContext } from "./call-context.ts";
import { createRpc, type MethodInputs } from "./checked-rpc.ts";
import { fromContextHeaders } from "./context-headers.ts";

const text = z.string().trim().min(1).max(5);
const inputs = {
  say: {
    text,
    tags: z.array(z.string().max(3)).max(2),
    data: z.instanceof(Uint8Array).refine((data) => data.length < 9),
  },
  repeat: { text, times: z.int().max(3) },
  collect: { text },
  converse: { text },
} satisfies MethodInputs<typeof EchoService>;

const rpc = createRpc(EchoService, inputs, {
  say: (request) => ({ text: request.text, tags: Object.keys(request).sort() }),
  async *repeat({ text: said, times }) {
    for (let i = 0; i < times; i++) yield { text: said };
  },
  async collect(requests) {
    return { texts: (await Array.fromAsync(requests)).map((request) => request.text) };
  },
  async *converse(requests) {
    for await (const request of requests) yield { text: request.text };
  },
});

async function* each(...texts: string[]) {
  for (const one of texts) yield { text: one };
}

eachTransport("the guarded path", (serve) => {
  test("a handler gets its request as the bounds give it back, and nothing besides", async () => {
    await using served = await serve(EchoService, rpc);
    assert.deepEqual(
      { ...(await served.client.say({ text: " hi " })) },
      { ...(await served.client.say({ text: "hi" })), text: "hi", tags: ["data", "tags", "text"] },
    );
  });

  test("a request out of its bounds never reaches a handler, and the failure names field and bound in both languages", async () => {
    await using served = await serve(EchoService, rpc);
    const { client } = served;
    const cases: readonly (readonly [() => Promise<unknown>, en: string, zh: string])[] = [
      [() => client.say({ text: "toolong" }), "text: must have at most 5 characters", "text：最多为 5 个字符"],
      [() => client.say({ text: "a", tags: ["a", "b", "c"] }), "tags: must have at most 2 items", "tags：最多为 2 项"],
      [
        () => client.say({ text: "a", tags: ["four"] }),
        "tags.0: must have at most 3 characters",
        "tags.0：最多为 3 个字符",
      ],
      [() => Array.fromAsync(client.repeat({ text: "a", times: 4 })), "times: must be at most 3", "times：不得大于 3"],
      [() => client.collect(each("a", "")), "text: must not be empty", "text：不能为空"],
      [
        () => Array.fromAsync(client.converse(each("toolong"))),
        "text: must have at most 5 characters",
        "text：最多为 5 个字符",
      ],
    ];
    for (const [call, en, zh] of cases) {
      await assert.rejects(call(), (err) => {
        assert.ok(isFailure(err, kitFailures.invalid_request), String(err));
        assert.equal(failureText(err.type, err.details, "en_US"), en);
        assert.equal(failureText(err.type, err.details, "zh_CN"), zh);
        return true;
      });
    }
  });

  test("a service is called by those who declare it and by the program itself, and by nobody else", async () => {
    await using served = await serve(EchoService, rpc);
    assert.equal((await served.client.say({ text: "self" })).text, "self");
    assert.equal((await served.clientFrom("friend").say({ text: "hi" })).text, "hi");
    const undeclared = (err: unknown) =>
      isFailure(err, kitFailures.undeclared_call) &&
      err.details["caller"] === "stranger" &&
      err.details["service"] === "echo";
    await assert.rejects(served.clientFrom("stranger").say({ text: "hi" }), undeclared);
    await assert.rejects(Array.fromAsync(served.clientFrom("stranger").repeat({ text: "a", times: 1 })), undeclared);
  });

  test("the audit is told who did what for whom and how it ended, and nothing of what was said", async () => {
    await using served = await serve(EchoService, rpc);
    const caller = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1", ...noSession, permissions: [], models: [] };
    const context: CallContext = { ...fromContextHeaders(() => undefined, systemClock), caller, requestId: "req_1" };
    await runInContext(context, () => served.clientFrom("friend").say({ text: "quiet" }));
    await assert.rejects(served.client.say({ text: "too loud" }));
    const { traceId } = context;
    const ids = {
      tenantId: "ten_1",
      userId: "usr_1",
      keyId: "key_1",
      sessionId: "",
      operatorId: "",
      requestId: "req_1",
      traceId,
    };
    const [first, second] = served.audited.map(({ durationMs, ...record }) => record);
    assert.deepEqual(first, { operation: "echo.say", calledBy: "friend", code: "ok", ...ids });
    assert.deepEqual([second?.calledBy, second?.tenantId, second?.code], ["operator", "", "invalid_argument"]);
    assert.equal(/quiet|loud/.test(JSON.stringify(served.audited)), false);
  });

  test("a call whose deadline has passed is not begun", async () => {
    await using served = await serve(EchoService, rpc);
    const headers = { "lyss-timeout-ms": "0" };
    await assert.rejects(served.client.say({ text: "late" }, { headers, timeoutMs: 0 }), (err) =>
      isFailure(err, kitFailures.deadline_exceeded),
    );
  });
});

test("what has no bounds cannot be served: a field, a text or a list without any is named", () => {
  const handlers = rpc as never;
  const open = { ...inputs, say: { text: z.string(), tags: z.array(z.string().max(3)) }, collect: {} };
  assert.throws(() => createRpc(EchoService, open as never, handlers), {
    name: "TypeError",
    message: /without bounds: say\.text, say\.tags, say\.data, collect\.text$/,
  });
});
