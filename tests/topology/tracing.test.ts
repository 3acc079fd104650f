import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { type ReceivedSpan, startOtlpReceiver } from "./otlp-receiver.ts";

const receiver = await startOtlpReceiver({ after });
const tracing = (sampleRatio: string) => ({
  LYSS_TRACING_OTLP_URL: receiver.url,
  LYSS_TRACING_SAMPLE_RATIO: sampleRatio,
});

const dataDir = mkdtempSync(join(tmpdir(), "lyss-tracing-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));

/** Three processes: what a call passes on its way lies in a different one each. */
async function runApart(): Promise<RunningPlatform> {
  const groups = ["audit,auth,event,group,sso,tenant,user,workflow,billing,credential", "ai-gateway", "api-gateway"];
  const ports = await findFreePorts(groups.length);
  const peers = groups.flatMap((group, i) =>
    group.split(",").flatMap((name) => ["--peer", `${name}=http://127.0.0.1:${ports[i]}`]),
  );
  const running = groups.map((group, i) => {
    const args = ["--run", group, "--rpc-port", String(ports[i]), ...peers];
    const readyWhen = group === "api-gateway" ? /Lyss is ready at\s+(http\S+)/ : /program is running/;
    return runPlatform({ after }, { dataDir, args, readyWhen, env: tracing("1") });
  });
  const gateway = (await Promise.all(running)).at(-1);
  assert.ok(gateway);
  return gateway;
}

const chat = (fields: object = {}) => ({
  model: "simulated-chat",
  messages: [{ role: "user", content: "canary-prompt" }],
  ...fields,
});
const clientSpanId = "b7ad6b7169203331";
// The first call of a tenant waits for its lease; later ones ask billing for nothing.
const onTheWay = ["chat simulated-chat", "billing.grantLease"];

/** A call under a trace of its own, and what came of it. */
async function traceCall(platform: RunningPlatform, traceId: string) {
  const headers = { traceparent: `00-${traceId}-${clientSpanId}-00` };
  const url = `${platform.url}/v1/chat/completions`;
  const { status, body, headers: answered } = await requestJson(url, platform.apiKey, { body: chat(), headers });
  assert.equal(status, 200);
  const hasAll = (spans: readonly ReceivedSpan[]) =>
    onTheWay.every((name) => spans.some((span) => span.name === name)) &&
    spans.some(({ parentSpanId }) => parentSpanId === clientSpanId);
  const spans = await receiver.trace(traceId, hasAll);
  return { spans, requestId: answered.get("x-request-id"), usage: body["usage"] as Record<string, number> };
}

function checkTree(spans: readonly ReceivedSpan[]): void {
  const ids = new Set([clientSpanId, ...spans.map(({ spanId }) => spanId)]);
  const lost = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ""));
  assert.deepEqual(
    lost.map(({ name }) => name),
    [],
    "every span has its parent in the trace",
  );
}

const whole = await runPlatform({ after }, { env: tracing("1") });
const apart = await runApart();

for (const [title, platform, processes, traceId] of [
  ["one process", whole, 1, "0af7651916cd43dd8448eb211c80319c"],
  ["three processes", apart, 3, "1af7651916cd43dd8448eb211c80319c"],
] as const) {
  test(`W41: in ${title} a call is one trace from the client's span to billing's, and names the provider's request`, async () => {
    const { spans, usage, requestId } = await traceCall(platform, traceId);
    checkTree(spans);
    assert.equal(new Set(spans.map(({ instance }) => instance)).size, processes);
    const call = spans.find(({ name }) => name === "chat simulated-chat");
    assert.ok(call);
    const { attributes } = call;
    assert.equal(attributes["gen_ai.operation.name"], "chat");
    assert.equal(attributes["gen_ai.request.model"], "simulated-chat");
    assert.equal(attributes["gen_ai.usage.input_tokens"], usage["prompt_tokens"]);
    assert.equal(attributes["gen_ai.usage.output_tokens"], usage["completion_tokens"]);
    assert.equal(typeof attributes["lyss.cost_nanos"], "number");
    assert.match(String(attributes["lyss.tenant_id"]), /^ten/);
    // W41: the provider's own id of the request is written down, and the caller gets ours.
    assert.match(String(attributes["lyss.upstream_request_id"]), /^req_[0-9a-f]{24}$/);
    assert.match(requestId ?? "", /^req_[0-9a-z]{26}$/);
    assert.ok(!JSON.stringify(spans).includes("canary-prompt"), "no content in a trace");
    assert.ok(!JSON.stringify(receiver.spans).includes(platform.apiKey || "no key"), "no key in a trace");
  });
}

test("malformed traceparents are answered like none, in a new trace (T2)", async () => {
  const good = `00-0af7651916cd43dd8448eb211c80319c-${clientSpanId}-01`;
  const headers = Array.from({ length: 500 }, (_, i) => `${good.slice(0, i % 55)}${"g-_ZF".charAt(i % 5)}${i}`);
  for (let i = 0; i < headers.length; i += 50) {
    const answers = await Promise.all(
      headers
        .slice(i, i + 50)
        .map((traceparent) =>
          requestJson(`${whole.url}/v1/models`, whole.apiKey, { headers: { traceparent, tracestate: traceparent } }),
        ),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  }
});

test("without a sample, a call that failed is sent whole and one that did not is not", async () => {
  const platform = await runPlatform({ after }, { env: tracing("0") });
  const [fine, failed] = ["2af7651916cd43dd8448eb211c80319c", "3af7651916cd43dd8448eb211c80319c"];
  const url = `${platform.url}/v1/chat/completions`;
  const send = (traceId: string, body: object) =>
    requestJson(url, platform.apiKey, { body, headers: { traceparent: `00-${traceId}-${clientSpanId}-01` } });
  assert.equal((await send(fine, chat())).status, 200);
  const bad = await send(failed, chat({ messages: [{ role: "user", content: "simulate.body=empty" }] }));
  assert.ok(bad.status >= 500, JSON.stringify(bad.body));
  await platform.stop();
  const of = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId);
  assert.deepEqual(of(fine), []);
  assert.ok(of(failed).some(({ hasFailed }) => hasFailed));
  checkTree(of(failed));
});
