import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, test } from "node:test";
import { openRawClient, type RawAnswer } from "@lyss/kit/http/lane/lane-test-server.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { assertMoneyAddsUp, waitForNoHold } from "../../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../../run-platform.ts";
import { startRawProvider } from "../../scenarios/raw-provider.ts";
import { type AmbiguousCall, listAmbiguousCalls, type Said } from "./ambiguous-calls.ts";
import { proxies } from "./start-proxies.ts";

// Through each proxy, on connections that it keeps to Lyss and Lyss keeps to it, ambiguous calls go between ordinary ones. Each call
// says something that no other says, and the provider answers with it: who gets another's answer, or an answer to nothing, is seen.

const limits = { timeout: 240_000 };
const victimsPerCall = 2;

/** What the provider was asked, in order. */
const heard: string[] = [];

function echo(t: TestScope) {
  return startRawProvider(t, "echo", (res, _isStream, { messages }) => {
    const [{ content }] = messages as [{ content: string }];
    heard.push(content);
    const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "x", choices, usage }));
  });
}

/** Passes bytes on, and counts the connections. */
async function startCounter(t: TestScope, toPort: number) {
  let connections = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections++;
    const behind = connect({ port: toPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    socket.on("error", () => behind.destroy()).pipe(behind);
    behind.on("error", () => socket.destroy()).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => void server.close());
  return { port: (server.address() as AddressInfo).port, count: () => connections };
}

let said = 0;
const nextSaid = (): Said => ({ own: `own-${++said}.`, hidden: `hidden-${said}.` });

/** What an answer says: the words of a call, or its status. */
function wordsOf({ status, body }: RawAnswer): string {
  if (status !== 200) return String(status);
  return JSON.parse(body).choices?.[0].message.content ?? "";
}

interface Sent extends AmbiguousCall, Said {
  readonly answers: readonly RawAnswer[];
}

/** Sends them between ordinary calls of others, each of which has to get its own answer. */
async function sendAll({ apiKey }: RunningPlatform, port: number): Promise<readonly Sent[]> {
  const calls = listAmbiguousCalls(apiKey, nextSaid);
  const sent = [];
  for (const call of calls) {
    const client = openRawClient(port);
    await client.send(call.bytes);
    sent.push({ call, client });
    for (let n = 0; n < victimsPerCall; n++) {
      const content = `victim-${++said}.`;
      const body = { model: "echo", messages: [{ role: "user", content }] };
      const answer = await requestJson(`http://127.0.0.1:${port}/v1/chat/completions`, apiKey, { body });
      const words = wordsOf({ status: answer.status, headers: {}, body: JSON.stringify(answer.body) });
      assert.equal(words, content, `behind ${call.name}: ${JSON.stringify(answer.body)}`);
    }
  }
  for (const { client } of sent) client.socket.end();
  return Promise.all(sent.map(async ({ call, client }) => ({ ...call, answers: await client.allAnswers() })));
}

/** Every call that the provider heard was answered on the connection that it came on, in its order, and no other was. */
function assertInStep(sent: readonly Sent[], from: number): void {
  const counts = new Map<string, number>();
  for (const content of heard.slice(from)) counts.set(content, (counts.get(content) ?? 0) + 1);
  for (const { name, own, hidden, answers } of sent) {
    const words = answers.map(wordsOf).filter((word) => !/^\d+$/.test(word) && word !== "");
    const due = [own, hidden].filter((word) => counts.has(word));
    // What is no call behind one ends the connection at once, with answers that are not there yet.
    const isCut = answers.at(-1)?.status === 400 && words.length < due.length;
    assert.deepEqual(words, isCut ? due.slice(0, words.length) : due, `${name}: ${JSON.stringify(answers)}`);
    for (const word of [own, hidden]) assert.ok((counts.get(word) ?? 0) <= 1, `${name}: heard twice`);
  }
}

test(
  "S5: Lyss itself answers each ambiguous call with 400 and closes; a call behind it is not looked at",
  limits,
  async () => {
    const scope = closeInReverse({ after });
    const provider = await echo(scope);
    const platform = await runPlatform(scope, { config: configOf(provider.config) });
    const from = heard.length;
    const sent = await sendAll(platform, Number(new URL(platform.url).port));
    assertInStep(sent, from);
    for (const { name, isPlain, answers } of sent) {
      if (!isPlain)
        assert.deepEqual(
          answers.map(({ status }) => status),
          [400],
          name,
        );
    }
  },
);

for (const { name, prepare } of proxies) {
  test(`S5: behind and before ${name}, no ambiguous call leads another astray`, limits, async (t) => {
    const scope = closeInReverse(t);
    const provider = await echo(scope);
    const { config } = provider as { readonly config: { readonly baseUrl: string } };
    const proxy = await prepare(scope);
    const baseUrl = `http://127.0.0.1:${proxy.providerPort}/v1`;
    const platform = await runPlatform(scope, { config: configOf({ ...config, baseUrl }) });
    const toLyss = await startCounter(scope, Number(new URL(platform.url).port));
    const toProvider = await startCounter(scope, Number(new URL(config.baseUrl).port));
    await proxy.start(toLyss.port, toProvider.port);
    const from = heard.length;
    const sent = await sendAll(platform, proxy.callerPort);
    assertInStep(sent, from);
    const calls = sent.length * victimsPerCall;
    t.diagnostic(
      `${sent.length} ambiguous calls between ${calls} others: ${heard.length - from} at the provider over ${toProvider.count()} connections, ` +
        `${toLyss.count()} connections to Lyss`,
    );
    assert.ok(toLyss.count() < calls, "connections are used again");
    assert.ok(toProvider.count() < calls / 2, "connections are used again");
    await waitForNoHold(platform);
    await assertMoneyAddsUp(platform);
  });
}

function configOf(provider: object): object {
  return { providers: [provider], aiGateway: { simulator: false }, log: { level: "error" } };
}
