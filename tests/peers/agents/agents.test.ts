import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { holdPart, type Row, toLegend, toTable } from "../../conformance/conformance-page.ts";
import { runPlatform } from "../../run-platform.ts";
import { type Agent, type AgentFeature, type AgentPlace, agentFeatures, runAgent } from "./agent.ts";
import { claudeCode } from "./claude-code.ts";
import { codex, codexOverHttp } from "./codex.ts";
import { startFront } from "./front.ts";
import { geminiCli } from "./gemini-cli.ts";
import { startOutside } from "./outside.ts";
import { answerWithTools, greeting, questions } from "./script.ts";
import { startScriptedVendors } from "./scripted-vendors.ts";

const agents: readonly Agent[] = [claudeCode, codex, codexOverHttp, geminiCli];
/** Models that Codex knows: it gives them tools of other kinds than to a model that it does not know. */
const knownToCodex = ["gpt-5.5", "gpt-6.2-sol"];
const priced = { inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
const dear = { inputUsdPerMillion: "900000", outputUsdPerMillion: "900000" };

const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const scope = closeInReverse({ after });
const outside = await startOutside(scope);
const vendors = await startScriptedVendors(scope, answerWithTools);
const platform = await runPlatform(scope, {
  config: {
    ...{ aiGateway: { simulator: false }, log: { level: "warn" } },
    providers: vendors.flatMap(({ dialect, baseUrl, apiKey }) => {
      const provider = { name: dialect, dialect, baseUrl, apiKey };
      const models = [
        { ...priced, name: `${dialect}-model`, upstreamName: "a-model" },
        { ...dear, name: `${dialect}-dear` },
      ];
      const known = knownToCodex.map((name) => ({ ...priced, name }));
      // Codex asks those for a verbosity, too, which no other vendor has a word for.
      const drops = { ...provider, name: `${dialect}-drops`, unsupportedParameters: "drop", models: known };
      return [{ ...provider, models }, ...(dialect === "anthropic" ? [drops] : [])];
    }),
  },
});
const place: AgentPlace = { url: platform.url, apiKey: platform.apiKey, outsideUrl: outside.url };

/** An error as it is printed: the words of Lyss, without what terminals put between them. */
function assertSays(printed: string, words: RegExp): void {
  assert.match(printed.replace(/\s+/g, " "), words);
}

const rows = agents.map((agent): Row<AgentFeature> & { readonly cells: AgentFeature[][] } => {
  const cells = vendors.map((): AgentFeature[] => []);
  for (const [n, { dialect }] of vendors.entries()) {
    const model = `${dialect}-model`;
    test(`${agent.name}, a model behind ${dialect}: a question is answered`, async () => {
      const { status, stdout, printed } = await runAgent(agent, place, { model, prompt: questions.greet });
      assert.deepEqual([stdout.trim(), status], [greeting.join(""), 0], printed);
      cells[n]?.push("text");
    });
    test(`${agent.name}, a model behind ${dialect}: a file is read by its tool, and what it holds is answered`, async () => {
      const secret = randomUUID();
      const files = { "notes.txt": `The secret is ${secret}.\n` };
      const asking = { model, prompt: questions.read, asEvents: true };
      const { status, printed, events } = await runAgent(agent, place, asking, files);
      assert.deepEqual([agent.answerIn(events), status], [`It says ${secret}.`, 0], printed);
      cells[n]?.push("tool");
      if (!agent.piecesOf) return;
      assert.deepEqual(agent.piecesOf(events), ["It says ", `${secret}.`]);
      cells[n]?.push("stream");
    });
  }
  return { client: agent, version: dependencies[agent.package], cells };
});

for (const agent of [codex, codexOverHttp]) {
  for (const model of knownToCodex) {
    test(`${agent.name}: a model that it knows as ${model} changes a file by a tool that takes a text, at another vendor`, async () => {
      const asking = { model, prompt: questions.change, asEvents: true };
      const { status, printed, events } = await runAgent(agent, place, asking, { "notes.txt": "old\n" });
      assert.deepEqual([agent.answerIn(events), status], ["The file says new.", 0], printed);
    });
  }
}

/** Requests that an agent made of Lyss in a call that failed, and what it printed. */
async function fail(t: { after(work: () => Promise<void>): void }, agent: Agent, model: string, apiKey: string) {
  const front = await startFront(t, platform.url);
  const { status, printed } = await runAgent(
    agent,
    { ...place, url: front.url, apiKey },
    { model, prompt: questions.greet },
  );
  assert.notEqual(status, 0);
  return { printed, seen: front.seen };
}

/** What an agent that speaks over HTTP asks at most before it gives up. */
const mostRequests: ReadonlyMap<Agent, number> = new Map([
  [claudeCode, 2],
  [codexOverHttp, 6],
  [geminiCli, 1],
]);
for (const [agent, most] of mostRequests) {
  test(`${agent.name} says that its key is wrong, and gives up`, async (t) => {
    const { printed, seen } = await fail(t, agent, "openai-model", "lyss_wrong");
    assertSays(printed, /send an API key as/);
    assert.ok(seen.length <= most && seen.every((one) => one.endsWith(" 401")), seen.join("\n"));
  });
  test(`${agent.name} says how much money is missing, and gives up`, async (t) => {
    const { printed, seen } = await fail(t, agent, "openai-dear", platform.apiKey);
    assertSays(printed, /Insufficient balance: this call needs up to [\d.]+ USD/);
    assert.ok(seen.length <= most && seen.every((one) => one.endsWith(" 402")), seen.join("\n"));
  });
  test(`${agent.name} says that it knows no such model, and gives up`, async (t) => {
    const { printed, seen } = await fail(t, agent, "no-such-model", platform.apiKey);
    assertSays(printed, /no-such-model.{0,20} (does|may) not exist/);
    assert.ok(seen.length <= most && seen.every((one) => one.endsWith(" 404")), seen.join("\n"));
  });
}

test("Claude Code counts what its context takes", async (t) => {
  const front = await startFront(t, platform.url);
  const there = { ...place, url: front.url };
  const { status, stdout } = await runAgent(claudeCode, there, { model: "openai-model", prompt: "/context" });
  assert.equal(status, 0, stdout);
  assertSays(stdout, /Context Usage/);
  assert.deepEqual([...new Set(front.seen)], ["POST /v1/messages/count_tokens 200"]);
});

test("nothing that was run here wanted to leave this machine", () => {
  assert.deepEqual(outside.wanted, []);
});

test("docs/conformance.md says what was found with coding agents", () => {
  holdPart("coding-agent-letters", toLegend(agentFeatures));
  holdPart(
    "coding-agents",
    toTable(
      agentFeatures,
      vendors.map(({ dialect }) => dialect),
      rows,
    ),
  );
});
