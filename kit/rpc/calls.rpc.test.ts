import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { defineFailures, Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { systemClock } from "../service/clock.ts";
import { eachTransport } from "../testing/each-transport.ts";
import { EchoService, SayRequestSchema } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";
import { type CallContext, currentContext, noSession, runInContext } from "./call-context.ts";
import { withWireForm } from "./wire-form.ts";

const failures = defineFailures("echo", {
  too_loud: {
    kind: "resource_exhausted",
    publicCode: "ECHO_001",
    isRetryable: true,
    text: { en_US: "{word} is too loud.", zh_CN: "“{word}”太大声了。" },
  },
});

const never = () => new Promise<never>(() => {});

const context: CallContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  isSampled: true,
  caller: {
    tenantId: "ten_1",
    userId: "usr_1",
    keyId: "key_1",
    ephemeralKeyId: "eph_1",
    ...noSession,
    permissions: ["wallet:read"],
    models: ["模型"],
  },
  deadlineMs: undefined,
  locale: "zh_CN",
  operatorId: "usr_2",
  requestId: "req_1",
  retryAttempt: 1,
};

eachTransport("a call", (serve) => {
  test("trap 1: a callee sees the caller's context by its headers, and none of its caller's async state", async () => {
    const ambient = new AsyncLocalStorage<string>();
    const seen: (CallContext | undefined)[] = [];
    const leaks: string[] = [];
    const aborted: Promise<unknown>[] = [];
    const look = (signal: AbortSignal) => {
      seen.push(currentContext());
      const noteLeak = () => leaks.push(...[ambient.getStore()].filter((value) => value !== undefined));
      noteLeak();
      signal.addEventListener("abort", noteLeak);
      aborted.push(once(signal, "abort"));
    };
    await using served = await serve(EchoService, {
      async say(_request, { signal }) {
        look(signal);
        await null;
        look(signal);
        return {};
      },
      async *repeat(_request, { signal }) {
        look(signal);
        yield { text: "1" };
        look(signal);
      },
    });
    await ambient.run("the caller's own", () =>
      runInContext(context, async () => {
        await served.client.say({});
        for await (const _ of served.client.repeat({})) assert.equal(ambient.getStore(), "the caller's own");
        assert.equal(currentContext(), context);
      }),
    );
    await Promise.all(aborted);
    assert.deepEqual(leaks, []);
    assert.equal(seen.length, 4);
    for (const callee of seen) {
      assert.ok(callee && callee !== context && callee.spanId !== context.spanId);
      assert.deepEqual({ ...callee, spanId: context.spanId, deadlineMs: undefined }, context);
    }
  });

  test("trap 1: a caller's messages are made in the caller's async state, not in its callee's", async () => {
    await using served = await serve(EchoService, {
      async collect(requests) {
        const texts: string[] = [];
        for await (const { text } of requests) texts.push(text);
        return { texts };
      },
    });
    const seen: (string | undefined)[] = [];
    await runInContext(context, () =>
      served.client.collect(
        (async function* () {
          seen.push(currentContext()?.spanId);
          yield { text: "a" };
          seen.push(currentContext()?.spanId);
        })(),
      ),
    );
    assert.ok(seen.every((spanId) => spanId === undefined || spanId === context.spanId));
  });

  test("trap 2: a declared failure arrives as itself, with its details and retry time and without its cause", async () => {
    await using served = await serve(EchoService, {
      say: () => {
        throw new Failure(
          failures.too_loud,
          { word: "喊", marks: ["!", "?"] },
          { retryAfterMs: 1500, cause: new Error("secret") },
        );
      },
      async *repeat() {
        yield { text: "once" };
        throw new Failure(failures.too_loud, { word: "喊" });
      },
    });
    await assert.rejects(served.client.say({}), (err) => {
      assert.ok(isFailure(err, failures.too_loud));
      assert.equal(err.type, failures.too_loud);
      assert.ok(err.type.isRetryable);
      assert.deepEqual(err.details, { word: "喊", marks: ["!", "?"] });
      assert.equal(err.retryAfterMs, 1500);
      assert.equal(err.cause, undefined);
      return true;
    });
    const texts: string[] = [];
    await assert.rejects(
      async () => {
        for await (const { text } of served.client.repeat({})) texts.push(text);
      },
      (err) => isFailure(err, failures.too_loud) && err.details.word === "喊",
    );
    assert.deepEqual(texts, ["once"]);
  });

  test("trap 2: a bug is answered with kit.internal and nothing else, and logged once with stack and trace id", async () => {
    await using served = await serve(EchoService, {
      say: () => {
        throw new TypeError("password is hunter2");
      },
    });
    await assert.rejects(
      runInContext(context, () => served.client.say({})),
      (err) => {
        assert.ok(isFailure(err, kitFailures.internal));
        assert.deepEqual(err.details, {});
        assert.equal(err.cause, undefined);
        assert.doesNotMatch(`${err.message}${err.stack}`, /hunter2/);
        return true;
      },
    );
    assert.equal(served.logLines.length, 1);
    const line = JSON.parse(served.logLines[0] ?? "");
    assert.equal(line.trace_id, context.traceId);
    assert.match(line.err.stack, /TypeError: password is hunter2\n.*calls\.rpc\.test\.ts/);
  });

  test("trap 3: every method is served through the kit's interceptor, whatever the implementation is", async () => {
    await using served = await serve(EchoService, {
      say: ({ text }) => ({ text }),
      async *repeat({ text, times }) {
        for (let i = 0; i < times; i++) yield { text };
      },
    });
    await served.client.say({ text: "a" });
    for await (const _ of served.client.repeat({ text: "a", times: 3 }));
    await assert.rejects(
      served.client.collect((async function* () {})()),
      (err) =>
        isFailure(err, kitFailures.unimplemented) && err.details.method === "lyss.kit.testing.v1.EchoService/Collect",
    );
    const metric = await served.metrics.getSingleMetricAsString("rpc_server_requests_total");
    assert.match(metric, /\{service="echo",method="Say",code="ok"\} 1\n/);
    assert.match(metric, /\{service="echo",method="Repeat",code="ok"\} 1\n/);
    assert.match(metric, /\{service="echo",method="Collect",code="unimplemented"\} 1/);
  });

  test("trap 4: what either side does to its own message afterwards stays there", async () => {
    const kept = { text: "kept", tags: ["a"], data: new Uint8Array([1]) };
    await using served = await serve(EchoService, {
      say(request) {
        request.tags.push("from the callee");
        request.data[0] = 9;
        return kept;
      },
    });
    const request = create(SayRequestSchema, { tags: ["mine"], data: new Uint8Array([7]) });
    const answer = await served.client.say(request);
    assert.deepEqual([request.tags, [...request.data]], [["mine"], [7]]);
    answer.tags.push("from the caller");
    answer.data[0] = 9;
    assert.deepEqual([kept.tags, [...kept.data]], [["a"], [1]]);
    assert.equal(answer.$typeName, "lyss.kit.testing.v1.SayResponse");
  });

  test("a message whose parts are encoded already arrives as any other", async () => {
    await using served = await serve(EchoService, {
      say: ({ text, tags, $unknown }) => ({ text, tags: [...tags, String($unknown)] }),
    });
    const request = withWireForm(create(SayRequestSchema, { text: "text", tags: ["one", "two"] }), () => {
      const encoded = ["\u0003one", "\u0003two"].map((text) => ({
        no: 2,
        wireType: WireType.LengthDelimited,
        data: Buffer.from(text),
      }));
      return Object.assign(create(SayRequestSchema, { text: "text" }), { $unknown: encoded });
    });
    for (let time = 0; time < 2; time++) {
      const { text, tags } = await served.client.say(request);
      assert.deepEqual([text, tags], ["text", ["one", "two", "undefined"]]);
    }
  });

  test("a call ends at its deadline although the callee does not listen", async () => {
    await using served = await serve(EchoService, {
      say: never,
      repeat: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
    });
    const isExpired = (err: unknown) => isFailure(err, kitFailures.deadline_exceeded) && err.details.timeoutMs === 20;
    await assert.rejects(served.client.say({}, { timeoutMs: 20 }), isExpired);
    await assert.rejects(async () => {
      for await (const _ of served.client.repeat({}, { timeoutMs: 20 }));
    }, isExpired);
  });

  test("a call has 10 s when nobody says otherwise, and never more than its context has left", async () => {
    const remaining: number[] = [];
    const note = () => remaining.push((currentContext()?.deadlineMs ?? Number.NaN) - systemClock.monotonicMs());
    await using served = await serve(EchoService, {
      say() {
        note();
        return {};
      },
    });
    await served.client.say({});
    const within = { ...context, deadlineMs: systemClock.monotonicMs() + 500 };
    await runInContext(within, () => served.client.say({}));
    await runInContext(within, () => served.client.say({}, { timeoutMs: 60_000 }));
    const [byDefault = 0, ...inherited] = remaining;
    assert.ok(byDefault > 9_000 && byDefault <= 10_000);
    for (const ms of inherited) assert.ok(ms > 0 && ms <= 501, `${ms}`);
    const late = { ...context, deadlineMs: systemClock.monotonicMs() - 1 };
    await assert.rejects(
      runInContext(late, () => served.client.say({})),
      (err) => isFailure(err, kitFailures.deadline_exceeded),
    );
    assert.equal(remaining.length, 3, "a call that is already late is not sent");
  });

  test("a caller that leaves gets kit.canceled, and its callee's signal aborts", async () => {
    const entered = Promise.withResolvers<AbortSignal>();
    const streamed = Promise.withResolvers<AbortSignal>();
    await using served = await serve(EchoService, {
      async say(_request, { signal }) {
        entered.resolve(signal);
        return never();
      },
      async *repeat(_request, { signal }) {
        streamed.resolve(signal);
        yield { text: "1" };
        await once(signal, "abort");
      },
    });
    const leave = new AbortController();
    const answer = served.client.say({}, { signal: leave.signal });
    const signal = await entered.promise;
    const aborted = once(signal, "abort");
    leave.abort();
    await assert.rejects(answer, (err) => isFailure(err, kitFailures.canceled));
    await aborted;

    const leaveStream = new AbortController();
    await assert.rejects(
      async () => {
        for await (const _ of served.client.repeat({}, { signal: leaveStream.signal })) leaveStream.abort();
      },
      (err) => isFailure(err, kitFailures.canceled),
    );
    const streamSignal = await streamed.promise;
    if (!streamSignal.aborted) await once(streamSignal, "abort");
    assert.deepEqual(served.logLines, []);
  });

  test("a stream ends when its reader leaves, also while nobody reads it, and both sides clean up", async () => {
    const calleeCleaned = Promise.withResolvers<void>();
    const callerCleaned = Promise.withResolvers<void>();
    await using served = await serve(EchoService, {
      async *converse(requests) {
        try {
          for await (const { text } of requests) yield { text };
        } finally {
          calleeCleaned.resolve();
        }
      },
    });
    async function* endless() {
      try {
        for (;;) yield { text: "again" };
      } finally {
        callerCleaned.resolve();
      }
    }
    const leave = new AbortController();
    const stream = served.client.converse(endless(), { signal: leave.signal })[Symbol.asyncIterator]();
    await stream.next();
    leave.abort();
    await Promise.all([calleeCleaned.promise, callerCleaned.promise]);
    await served.gate.close(new AbortController().signal);
    await assert.rejects(stream.next(), (err) => isFailure(err, kitFailures.canceled));
    const metric = await served.metrics.getSingleMetricAsString("rpc_server_requests_total");
    assert.match(metric, /method="Converse",code="canceled"\} 1/);
    assert.deepEqual(served.logLines, []);
  });

  test("many streams at a time leave no trace: no listener warned of, none counted as under way", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    await using served = await serve(EchoService, {
      async *repeat(_request, { signal }) {
        yield { text: "1" };
        await once(signal, "abort");
      },
    });
    const leave = new AbortController();
    const options = () => ({ signal: AbortSignal.any([leave.signal]) });
    const streams = Array.from({ length: 30 }, () => served.client.repeat({}, options())[Symbol.asyncIterator]());
    await Promise.all(streams.map((stream) => stream.next()));
    leave.abort();
    await Promise.allSettled(streams.map((stream) => stream.next()));
    await served.gate.close(new AbortController().signal);
    process.off("warning", onWarning);
    assert.deepEqual(warnings, []);
  });

  test("messages of all four kinds of method arrive whole and in order", async () => {
    await using served = await serve(EchoService, {
      say: ({ text, tags, data }) => ({ text, tags, data }),
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
    const { client } = served;
    const said = await client.say({ text: "字", tags: ["x"], data: new Uint8Array([0, 255]) });
    assert.deepEqual([said.text, said.tags, [...said.data]], ["字", ["x"], [0, 255]]);
    const repeated = await Array.fromAsync(client.repeat({ text: "r", times: 200 }));
    assert.deepEqual(
      repeated.map(({ text }) => text),
      Array.from({ length: 200 }, (_, i) => `r${i}`),
    );
    async function* texts() {
      for (const text of ["a", "b", "c"]) yield { text };
    }
    assert.deepEqual((await client.collect(texts())).texts, ["a", "b", "c"]);
    const heard: string[] = [];
    for await (const { text } of client.converse(texts())) heard.push(text);
    assert.deepEqual(heard, ["A", "B", "C"]);
  });

  test("a service that stops finishes its answers, ends its streams, and refuses what comes after", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await using served = await serve(EchoService, {
      async say() {
        asked.resolve();
        await answer.promise;
        return { text: "done" };
      },
      async *repeat(_request, { signal }) {
        yield { text: "1" };
        await once(signal, "abort");
      },
    });
    const isUnavailable = (err: unknown) => isFailure(err, kitFailures.unavailable) && err.details.service === "echo";
    const said = served.client.say({});
    await asked.promise;
    const stream = served.client.repeat({})[Symbol.asyncIterator]();
    await stream.next();
    const closed = served.gate.close(new AbortController().signal);
    await assert.rejects(stream.next(), isUnavailable);
    await assert.rejects(served.client.say({}), isUnavailable);
    answer.resolve();
    assert.equal((await said).text, "done");
    await closed;
  });
});
