import assert from "node:assert/strict";
import { request } from "node:http";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { waitFor } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

/** What a call costs: what the provider reports, what was delivered by our count, or nothing. */
type Charge = "reported" | "estimated" | "nothing";

interface Case {
  readonly what: string;
  readonly directives: string;
  /** Leaves after so many tokens of a stream, or at 0 before anything came. */
  readonly leaveAfter?: number;
  readonly whole?: readonly [status: string, charge: Charge];
  readonly stream?: readonly [status: string, charge: Charge];
  /** True where nobody pays, and the provider is known to have counted nothing. */
  readonly isFree?: boolean;
  /** The same where the provider is drained; as above when it makes no difference. */
  readonly drained?: readonly [status: string, charge: Charge];
}

/** The published rule (docs/guides/billing.md, "Who pays when something breaks"), a line for each way in which a call ends. */
const cases: readonly Case[] = [
  { what: "it completes", directives: "", whole: ["completed", "reported"], stream: ["completed", "reported"] },
  {
    what: "no usage is reported",
    directives: "simulate.usage=none",
    ...{ whole: ["completed", "estimated"], stream: ["completed", "estimated"] },
  },
  {
    what: "a usage of zero is reported",
    directives: "simulate.usage=zero",
    ...{ whole: ["completed", "nothing"], stream: ["completed", "nothing"] },
  },
  {
    what: "the provider fails",
    directives: "simulate.error=500",
    isFree: true,
    whole: ["failed", "nothing"],
    stream: ["failed", "nothing"],
  },
  {
    what: "an error under 200",
    directives: "simulate.body=error",
    whole: ["failed", "nothing"],
    stream: ["failed", "nothing"],
  },
  {
    what: "an empty answer",
    directives: "simulate.body=empty",
    whole: ["failed", "nothing"],
    stream: ["failed", "nothing"],
  },
  { what: "silence", directives: "simulate.hang=true", whole: ["failed", "nothing"], stream: ["failed", "nothing"] },
  {
    what: "it breaks before a token",
    directives: "simulate.cut_after_tokens=0",
    stream: ["truncated|failed", "nothing"],
  },
  {
    what: "it breaks in the middle",
    directives: "simulate.cut_after_tokens=3",
    ...{ whole: ["failed", "nothing"], stream: ["truncated", "estimated"] },
  },
  { what: "it ends without an end", directives: "simulate.end_after_tokens=3", stream: ["truncated", "estimated"] },
  { what: "it stalls", directives: "simulate.stall_after_tokens=3", stream: ["truncated", "estimated"] },
  { what: "an error event", directives: "simulate.stream_error_after_tokens=3", stream: ["truncated", "estimated"] },
  {
    what: "the caller leaves before the first byte",
    directives: "simulate.delay_ms=300",
    leaveAfter: 0,
    ...{ whole: ["canceled", "nothing"], stream: ["canceled", "nothing"], drained: ["canceled", "reported"] },
  },
  {
    what: "the caller leaves in the middle",
    directives: "simulate.tokens=30 simulate.token_delay_ms=20",
    leaveAfter: 3,
    ...{ stream: ["canceled", "estimated"], drained: ["canceled", "reported"] },
  },
];

const surfaces = {
  "chat/completions": (text: string, stream: boolean) => ({
    ...{ model: "chat", stream, messages: [{ role: "user", content: text }] },
  }),
  completions: (prompt: string, stream: boolean) => ({ model: "completion", stream, prompt }),
  messages: (text: string, stream: boolean) => ({
    ...{ model: "chat", stream, max_tokens: 1_000, messages: [{ role: "user", content: text }] },
  }),
  responses: (input: string, stream: boolean) => ({ model: "chat", stream, input }),
  embeddings: (input: string) => ({ model: "embedding", input }),
} as const;

/** Those that are about an answer's tokens, which an embedding has none of. */
const ofText = /tokens|usage=none/;

const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "sk-oracle" });
after(() => simulator.stop());
const provider = (onDisconnect: string) => ({
  ...{ name: onDisconnect, baseUrl: `${simulator.url}/v1`, apiKey: "sk-oracle", onDisconnect },
  models: ["chat", "completion", "embedding", "hung"].map((kind) => ({
    ...{ name: `${onDisconnect}-${kind}`, upstreamName: `simulated-${kind === "hung" ? "chat" : kind}` },
    ...{ inputUsdPerMillion: "1", outputUsdPerMillion: "2" },
  })),
});
const platform = await runPlatform(
  { after },
  {
    config: {
      providers: [provider("cancel"), provider("drain")],
      aiGateway: { simulator: false, firstByteTimeoutMs: 1_000, idleTimeoutMs: 1_000 },
      // Failures are asked for here: none of them may close the door to the next.
      resilience: { policies: { "provider.cancel": {}, "provider.drain": {} } },
      log: { level: "error" },
    },
  },
);

/** Sends a call; leaves when the answer has brought so many tokens. */
function call(path: string, body: object, leaveAfter: number | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const headers = { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" };
  const req = request(`${platform.url}/v1/${path}`, { method: "POST", headers, agent: false });
  const calls = simulator.callLog.length;
  let text = "";
  req.on("error", () => resolve());
  req.on("response", (res) => {
    res.on("error", () => resolve()).on("end", () => resolve());
    res.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      if (leaveAfter && text.split("data: ").length > leaveAfter) req.destroy();
    });
  });
  req.end(JSON.stringify(body), () => {
    // The provider has it once the connection that brings it is there: leaving earlier would be no call at all.
    if (leaveAfter === 0) leaveWhenSent(req.destroy.bind(req), calls);
  });
  return promise;
}

function leaveWhenSent(leave: () => void, calls: number): void {
  if (simulator.openCalls > 0 || simulator.callLog.length > calls) leave();
  else setImmediate(leaveWhenSent, leave, calls);
}

interface Row {
  readonly id: string;
  readonly model: string;
  readonly status: string;
  readonly estimated: boolean;
  readonly cost_nanos: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
}

/** The newest record of a model, once there are `count` of them. */
const nextRow = (model: string, count: number): Promise<Row> =>
  waitFor(async () => {
    const { body } = await requestJson(`${platform.url}/v1/billing/usage?limit=200&model=${model}`, platform.apiKey);
    const rows = body["data"] as Row[];
    return rows.length >= count ? rows[0] : undefined;
  });

function chargeOf({ cost_nanos, estimated, input_tokens, output_tokens }: Row): Charge {
  assert.equal(BigInt(cost_nanos), BigInt(input_tokens) * 1_000n + BigInt(output_tokens) * 2_000n);
  if (cost_nanos === "0") return "nothing";
  return estimated ? "estimated" : "reported";
}

/** What we may owe the provider for a call: known, or counted by us until its report tells. */
async function assertOwed({ id, input_tokens }: Row, isEstimated: boolean, mayHaveCounted: boolean): Promise<string> {
  const { body } = await requestJson(`${platform.url}/admin/billing/provider-costs?call_id=${id}`, platform.apiKey);
  const [cost] = body["data"] as { estimated: boolean; input_tokens: number; started_at: string }[];
  assert.deepEqual([cost?.estimated, (cost?.input_tokens ?? 0) > 0], [isEstimated, mayHaveCounted || input_tokens > 0]);
  return cost?.started_at ?? "";
}

for (const [path, toBody] of Object.entries(surfaces)) {
  for (const stream of path === "embeddings" ? [false] : [false, true]) {
    for (const policy of ["cancel", "drain"] as const) {
      test(`who pays: ${path}${stream ? ", streamed" : ""}, providers that are ${policy === "drain" ? "drained" : "canceled"}`, async () => {
        const model = `${policy}-${toBody("", stream).model}`;
        const { body } = await requestJson(
          `${platform.url}/v1/billing/usage?limit=200&model=${model}`,
          platform.apiKey,
        );
        let count = (body["data"] as Row[]).length;
        for (const { what, directives, leaveAfter, isFree = false, ...ends } of cases) {
          const end = (policy === "drain" && ends.drained) || (stream ? ends.stream : ends.whole);
          if (!end || !(stream ? ends.stream : ends.whole) || (path === "embeddings" && ofText.test(directives)))
            continue;
          await call(path, { ...toBody(`hello ${directives}`, stream), model }, leaveAfter);
          const row = await nextRow(model, ++count);
          // A conversation's stream has begun with its first event, which holds no token yet.
          const status = end[0].split("|").includes(row.status) ? end[0] : row.status;
          assert.deepEqual([what, status, chargeOf(row)], [what, ...end]);
          const isGivenUp = end[1] === "nothing" && status !== "completed" && !isFree;
          await assertOwed(row, isGivenUp || row.estimated, isGivenUp);
        }
      });
    }
  }
}

test("B11: what a provider did after it had been given up on is owed to it once its report tells, and not by the caller", async () => {
  const admin = (path: string, method: string, sent: object) =>
    requestJson(`${platform.url}/admin/billing/${path}`, platform.apiKey, { method, body: sent });
  const rates = { input_nanos_per_million: "1000000", cached_input_nanos_per_million: "0" };
  const price = { provider: "cancel", model: "cancel-hung", ...rates, output_nanos_per_million: "2000000" };
  assert.equal((await admin("cost-prices", "PUT", { prices: [price] })).status, 200);
  await call(
    "chat/completions",
    { ...surfaces["chat/completions"]("hello simulate.hang=true", false), model: "cancel-hung" },
    undefined,
  );
  const row = await nextRow("cancel-hung", 1);
  assert.deepEqual([row.status, row.cost_nanos], ["failed", "0"]);
  const day = (await assertOwed(row, true, true)).slice(0, 10);

  const csv = `day,model,request_id,input_tokens,output_tokens,cost\n${day},cancel-hung,${row.id},20,30,0.00000008\n`;
  const report = { provider: "cancel", csv, tolerance_nanos: "0", tolerance_ppm: 0 };
  const { body } = await admin("reconciliations", "POST", report);
  // The other models of this provider have no cost price.
  assert.deepEqual([body["state"], body["drift_nanos"], body["corrected_attempts"]], ["unknown", "0", 1]);
  const differences = body["differences"] as { model: string; state: string }[];
  assert.equal(differences.find(({ model }) => model === "cancel-hung")?.state, "matched");
  await assertOwed(row, false, true);
  assert.deepEqual(await nextRow("cancel-hung", 1), row);
});
