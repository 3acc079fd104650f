import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { currentContext, noSession, runInContext } from "@lyss/kit/rpc/call-context.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { EchoService } from "@lyss/kit/testing/gen/lyss/kit/testing/v1/echo_pb.js";

/** What differs all the same between one process and many; kit/rpc/README.md has the same table. */
const where = ["in process", "over gRPC"] as const;
let declared = 0;

eachTransport("what still differs between one process and many", (serve) => {
  const isRemote = where[declared++] === "over gRPC";

  test("a message may have any size in process, and 4 MiB over gRPC", async () => {
    await using served = await serve(EchoService, { say: async ({ data }) => ({ data }) });
    const send = (bytes: number) => served.client.say({ data: new Uint8Array(bytes) });
    assert.equal((await send(3_000_000)).data.length, 3_000_000);
    if (isRemote) await assert.rejects(send(5_000_000), (err) => isFailure(err, kitFailures.internal));
    else assert.equal((await send(5_000_000)).data.length, 5_000_000);
  });

  test("a number outside its field's range passes in process, and is a bug over gRPC", async () => {
    await using served = await serve(EchoService, {
      async *repeat({ times }) {
        yield { text: String(times) };
      },
    });
    const read = async () => {
      for await (const { text } of served.client.repeat({ text: "", times: -1 })) return text;
      return undefined;
    };
    if (isRemote) await assert.rejects(read(), (err) => isFailure(err, kitFailures.internal));
    else assert.equal(await read(), "-1");
  });

  test("a caller too large for a header is dropped in process, and refused over gRPC", async () => {
    await using served = await serve(EchoService, {
      say: async () => ({ text: String(currentContext()?.caller?.permissions.length) }),
    });
    const permissions = Array.from({ length: 5_000 }, (_, i) => `resource-${i}:action`);
    const caller = { tenantId: "ten_1", userId: "", keyId: "", ...noSession, permissions, models: [] };
    const context = {
      traceId: "a".repeat(32),
      spanId: "b".repeat(16),
      isSampled: false,
      deadlineMs: undefined,
    } as const;
    const say = () => runInContext({ ...context, caller, locale: "en_US" }, () => served.client.say({}));
    if (isRemote) await assert.rejects(say(), (err) => isFailure(err, kitFailures.unavailable));
    else assert.equal((await say()).text, "undefined");
  });
});
