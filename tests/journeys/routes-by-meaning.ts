import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { waitForUsage } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { type RunningPlatform, requestJson } from "../run-platform.ts";

interface Comparison {
  readonly result: string;
  readonly calls: readonly { readonly call: string; readonly of: string; readonly cost_nanos: string | null }[];
  readonly places: readonly { readonly target: string; readonly example: string; readonly similarity: number }[];
}

/** Of routes by meaning, at a platform with the models `chat` and `vectors` of `vendor`, and `no-vectors` of one that is away. */
export function describeMeanings(platform: RunningPlatform): void {
  const { url, apiKey } = platform;
  const recordOf = async (id: string) => {
    for (let count = 1; ; count++) {
      const found = (await waitForUsage(platform, count)).find((row) => row.id === id);
      if (found) return found as unknown as Readonly<Record<string, unknown>>;
    }
  };
  const putRoute = (name: string, body: object) =>
    requestJson(`${url}/api/v1/ai/routes/${name}`, apiKey, { method: "PUT", body });
  const billing = ["my card was charged twice this month", "I want my money back"];
  const delivery = ["where is the parcel that I ordered", "when will my order arrive"];
  const byMeaning = {
    ...{ strategy: "fallback", embedding: "vectors" },
    targets: [
      { provider: "vendor", model: "chat", when: { meaning: { examples: billing, similarity: 0.6 } } },
      { provider: "away", model: "no-vectors", when: { meaning: { examples: delivery, similarity: 0.6 } } },
      { route: "rest" },
    ],
  };
  const askRoute = async (model: string, text: string) => {
    const messages = [{ role: "user", content: text }];
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ model, messages, max_tokens: 20 }),
    });
    assert.equal(answer.status, 200, await answer.text());
    const callId = String(answer.headers.get("lyss-call-id"));
    await recordOf(callId);
    const at = `${url}/v1/requests/${callId}/receipt`;
    const { body } = await requestJson(at, apiKey);
    const [comparison] = body["meaning"] as [Comparison];
    const routing = body["routing"] as { readonly candidates: readonly { model: string; result: string }[] };
    const served = routing.candidates.find(({ result }) => result === "served")?.model;
    return { callId, comparison, served, receipt: body };
  };

  test("a call goes where its meaning is nearest; its vector and, once, those of the examples are paid for and told", async () => {
    await requestJson(`${url}/api/v1/ai/cache`, apiKey, { method: "DELETE" });
    const rest = { strategy: "fallback", targets: [{ provider: "vendor", model: "chat" }] };
    assert.equal((await putRoute("rest", rest)).status, 200);
    const put = await putRoute("support", byMeaning);
    assert.equal(put.status, 200, JSON.stringify(put.body));
    const first = await askRoute("support", "my card was charged twice this week");
    assert.equal(first.comparison.result, "compared");
    assert.deepEqual(
      first.comparison.calls.map(({ of }) => of),
      ["question", "examples"],
    );
    const [nearest, other] = first.comparison.places;
    assert.deepEqual([nearest?.target, nearest?.example], ["vendor/chat", billing[0]]);
    assert.ok(nearest && nearest.similarity > 0.6 && nearest.similarity < 1 && (other?.similarity ?? 1) < 0.6);
    for (const { call, cost_nanos: costNanos } of first.comparison.calls) {
      const record = await recordOf(call);
      assert.equal(record["cost_nanos"], String(1_000 * Number(record["input_tokens"])));
      assert.ok(costNanos === null || costNanos === record["cost_nanos"]);
      const { body } = await requestJson(`${url}/v1/requests/${call}/receipt`, apiKey);
      assert.equal(body["part_of"], first.receipt["id"]);
    }

    // What it is not for is not open to it: the place of the parcels is tried last, and fails over to nothing.
    const parcel = await askRoute("support", "where is the parcel that I ordered yesterday");
    assert.deepEqual(
      [parcel.comparison.result, parcel.comparison.calls.map(({ of }) => of), parcel.served],
      ["compared", ["question"], "chat"],
      "the examples are there; the nearest provider is away, and the rest takes over",
    );
    const routing = parcel.receipt["routing"] as { candidates: readonly Record<string, unknown>[] };
    assert.ok(routing.candidates.some(({ model, place }) => model === "no-vectors" && place === 1));
    const neither = await askRoute("support", "tell me a joke about cats");
    assert.ok(neither.comparison.places.every(({ similarity }) => similarity < 0.6));
    const at = neither.receipt["routing"] as { candidates: readonly Record<string, unknown>[] };
    assert.ok(at.candidates.some(({ model, result }) => model === "no-vectors" && result === "not_for_call"));
  });

  test("where nothing can be compared a call goes on by the rest, and says why", async () => {
    for (const [more, text, result] of [
      [{ embedding: "no-vectors" }, "my card was charged twice", "failed"],
      [{}, " ", "no_text"],
    ] as const) {
      await putRoute("support", { ...byMeaning, ...more });
      const { comparison } = await askRoute("support", text);
      assert.deepEqual([comparison.result, comparison.places], [result, []]);
    }
    await putRoute("support", byMeaning);
    const late = await askRoute("support", "Late simulate.delay_ms=1500");
    assert.deepEqual([late.comparison.result, late.comparison.places, late.served], ["late", [], "chat"]);
  });

  test("whoever makes vectors hears only what guardrails leave", async () => {
    const guardrail = `${url}/api/v1/ai/guardrails/masked`;
    const words = { kind: "words", action: "mask", words: ["charged", "twice"] };
    const put = await requestJson(guardrail, apiKey, { method: "PUT", body: words });
    assert.equal(put.status, 200, JSON.stringify(put.body));
    const masked = await askRoute("support", billing[0] as string);
    assert.ok((masked.comparison.places[0]?.similarity ?? 1) < 0.95, "it would be 1");
    await requestJson(guardrail, apiKey, { method: "DELETE" });
    const { comparison } = await askRoute("support", billing[0] as string);
    assert.ok((comparison.places[0]?.similarity ?? 0) > 0.999);
  });

  test("a route that compares is put by a file and by options, and a call is explained, by command", async () => {
    const env = { LYSS_URL: url, LYSS_API_KEY: apiKey };
    const lyss = (...words: readonly string[]) => runLyss(words, env);
    const near = ["vendor/chat,meaning=I want my money back,similarity=0.6", "route:rest"];
    const put = await lyss("route", "put", "by-options", "--embedding", "vectors", "--target", ...near);
    assert.match(put.output, /embedding +vectors[\s\S]*meaning="I want my money back" similarity=0.6/);
    const { callId } = await askRoute("by-options", "I want my money back");
    const explained = await lyss("usage", "explain", callId);
    assert.match(explained.output, /by meaning +compared[\s\S]*question: call_[\s\S]*vendor\/chat +1\.0000 +0\.6/);
    const file = join(await mkdtemp(join(tmpdir(), "lyss-route-")), "route.yaml");
    await writeFile(file, JSON.stringify({ name: "as in the configuration", ...byMeaning }));
    const filed = await lyss("route", "put", "by-file", "--file", file);
    assert.match(filed.output, /meaning="when will my order arrive"/);
    const without = await lyss("route", "put", "by-file", "--embedding", "vectors");
    assert.equal(without.code, 1);
    assert.match(without.complaint, /--target or --file/);
  });
}
