import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { NotFoundError } from "openai";
import { listUsage, waitForNoCall } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

/** What the vendor was asked, as it came. */
const asked: string[] = [];
const vendor = createServer(async (req, res) => {
  asked.push(await text(req));
  const choices = [{ index: 0, message: { role: "assistant", content: "Paris." }, finish_reason: "stop" }];
  const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };
  res.writeHead(200, { "content-type": "application/json" });
  res.end(JSON.stringify({ id: "x", object: "chat.completion", created: 1, model: "m", choices, usage }));
});
vendor.listen(0, "127.0.0.1");
await once(vendor, "listening");
after(() => vendor.close());

const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 };
const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
const providers = [{ name: "vendor", baseUrl, models: ["m", "n"].map((name) => ({ name, ...price })) }];
const platform = await runPlatform({ after }, { config: { providers, log: { level: "error" } } });
const { url, apiKey } = platform;
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });

const prompts = (path: string, init: Parameters<typeof requestJson>[2] = {}) =>
  requestJson(`${url}/api/v1/ai/prompts${path}`, apiKey, init);
const lastAsked = () => JSON.parse(asked.at(-1) ?? "{}");

const geography = {
  messages: [
    { role: "system", content: "You know {{field}}." },
    { role: "user", content: "Be short." },
    { role: "assistant", content: "Yes." },
  ],
  model: "m",
  parameters: { temperature: 0.2, max_tokens: 50 },
};

test("a prompt is made in versions, which labels name, under If-Match", async () => {
  const made = await prompts("/geo", { method: "PUT", body: geography });
  assert.deepEqual([made.status, made.headers.get("etag")], [200, '"1"'], JSON.stringify(made.body));
  const again = await prompts("/geo", { method: "PUT", body: geography });
  assert.equal(again.body["latest_version"], 1, "a repeat makes no version");
  const changed = { ...geography, description: "longer", messages: geography.messages.slice(0, 1) };
  const stale = await prompts("/geo", { method: "PUT", body: changed, headers: { "if-match": '"7"' } });
  assert.equal(stale.status, 412);
  const second = await prompts("/geo", { method: "PUT", body: changed, headers: { "if-match": '"1"' } });
  assert.equal(second.body["latest_version"], 2);
  assert.equal((await prompts("/geo/labels/production", { method: "PUT", body: { version: 3 } })).status, 404);
  const labelled = await prompts("/geo/labels/production", { method: "PUT", body: { version: 1 } });
  assert.deepEqual(labelled.body["labels"], { production: 1 });
  const { body } = await prompts("/geo");
  const content = body["content"] as Record<string, unknown>;
  assert.deepEqual([content["version"], content["variables"]], [1, ["field"]]);
  const versions = await prompts("/geo/versions?limit=1");
  assert.deepEqual(
    (versions.body["data"] as { version: number }[]).map(({ version }) => version),
    [2],
  );
  const rest = await prompts(`/geo/versions?cursor=${versions.body["next_cursor"]}`);
  assert.deepEqual(
    (rest.body["data"] as { version: number }[]).map(({ version }) => version),
    [1],
  );
  const wrong = await prompts("/geo", { method: "PUT", body: { messages: [{ role: "robot", content: "" }] } });
  assert.equal(wrong.status, 400);
});

const prompt = { id: "geo", variables: { field: 'geography "{{field}}"' } };
const rendered = [
  { role: "system", content: 'You know geography "{{field}}".' },
  { role: "user", content: "Be short." },
  { role: "assistant", content: "Yes." },
];
const question = { role: "user" as const, content: "Capital of France?" };

test("a chat begins with the prompt, and numbers of the caller's stay as they were written", async () => {
  const send = (more: string) =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: `{"prompt":${JSON.stringify(prompt)},"messages":[${JSON.stringify(question)}],"seed":12345678901234567890${more}}`,
    });
  const answer = await send("");
  assert.equal(answer.status, 200, await answer.text());
  const { messages, model, temperature, max_tokens, prompt: left } = lastAsked();
  assert.deepEqual(messages, [...rendered, question]);
  assert.deepEqual([model, temperature, max_tokens, left], ["m", 0.2, 50, undefined]);
  assert.match(asked.at(-1) ?? "", /"seed":12345678901234567890[,}]/);
  await send(',"model":"n","temperature":1,"max_completion_tokens":7');
  const own = lastAsked();
  assert.deepEqual([own.model, own.temperature, own.max_completion_tokens, own.max_tokens], ["n", 1, 7, undefined]);
});

test("a message of Anthropic's dialect and a response of OpenAI's begin with it, too", async () => {
  const extra = { prompt, system: "Speak English." } as object;
  const said = await anthropic.messages.create({ ...extra, model: "m", max_tokens: 20, messages: [question] });
  assert.equal(said.content[0]?.type === "text" && said.content[0].text, "Paris.");
  const [system, ...messages] = lastAsked().messages;
  assert.equal(system.role, "system");
  assert.match(JSON.stringify(system.content), /You know geography.*Speak English\./);
  assert.deepEqual(
    messages.map(({ role }: { role: string }) => role),
    ["user", "assistant", "user"],
  );
  assert.equal(lastAsked().max_tokens, 20);

  const response = await openai.responses.create({ prompt: { ...prompt, version: "2" }, input: "Capital of France?" });
  assert.equal(response.output_text, "Paris.");
  assert.deepEqual(
    lastAsked().messages.map(({ role }: { role: string }) => role),
    ["system", "user"],
  );
  assert.deepEqual([lastAsked().model, response.model], ["m", "m"]);
});

test("what is wrong with a prompt is said in the caller's dialect, and nothing is sent or charged", async () => {
  const before = asked.length;
  const chat = (given: object) => openai.chat.completions.create({ model: "m", messages: [question], ...given });
  await assert.rejects(
    chat({ prompt: { id: "none" } }),
    (err) => err instanceof NotFoundError && /'none'/.test(err.message),
  );
  await assert.rejects(chat({ prompt: { id: "geo", version: "beta" } }), /no label 'beta'/);
  await assert.rejects(chat({ prompt: { id: "geo" } }), /Missing: field/);
  await assert.rejects(chat({ prompt: { ...prompt, variables: { field: "x", town: "y" } } }), /Unknown: town/);
  await assert.rejects(chat({ prompt: "geo" }), /prompt/);
  await assert.rejects(chat({ prompt: { ...prompt, variables: { field: 3 } } }), /prompt\.variables\.field/);
  await assert.rejects(
    anthropic.messages.create({ prompt: { id: "none" }, model: "m", max_tokens: 9, messages: [question] } as never),
    /not_found_error/,
  );
  assert.equal(asked.length, before);
  await waitForNoCall(platform);
  assert.equal((await listUsage(platform)).length, before);
});

test("a repeat with its key is the same call, whatever the label means by then", async () => {
  const call = () =>
    requestJson(`${url}/v1/chat/completions`, apiKey, {
      body: { prompt, messages: [question] },
      headers: { "idempotency-key": "once" },
    });
  const first = await call();
  assert.equal((await prompts("/geo/labels/production", { method: "PUT", body: { version: 2 } })).status, 200);
  const before = asked.length;
  const repeat = await call();
  assert.equal(repeat.headers.get("idempotent-replayed"), "true");
  assert.deepEqual([repeat.body, asked.length], [first.body, before]);
});

test("an answer that was kept is another prompt's as soon as the label means another version", async () => {
  const mean = (version: number) => prompts("/geo/labels/production", { method: "PUT", body: { version } });
  const call = async () => {
    const before = asked.length;
    const body = { prompt, messages: [{ role: "user", content: "Capital of Spain?" }] };
    const headers = { "lyss-cache": "max-age=60" };
    assert.equal((await requestJson(`${url}/v1/chat/completions`, apiKey, { body, headers })).status, 200);
    return asked.length - before;
  };
  await mean(1);
  assert.deepEqual([await call(), await call()], [1, 0]);
  await mean(2);
  assert.equal(await call(), 1);
});

test("a key's calls mean by a name what is said for the key, and say what is said of their answers where they do not", async () => {
  const defaults = (key: string, init: Parameters<typeof requestJson>[2] = {}) =>
    requestJson(`${url}/api/v1/ai/call-defaults/${key}`, apiKey, init);
  const made = await requestJson(`${url}/api/v1/keys`, apiKey, { body: { name: "limited", models: ["n"] } });
  const key = { id: String(made.body["id"]), secret: String(made.body["secret"]) };
  assert.equal((await defaults("all")).status, 404);
  const forAll = { aliases: { fast: "m", clever: "n" }, parameters: { temperature: 0.5 } };
  assert.equal((await defaults("all", { method: "PUT", body: forAll })).body["version"], 1);
  const forKey = { aliases: { fast: "n" }, parameters: { max_tokens: 9 } };
  const put = await defaults(key.id, { method: "PUT", body: forKey });
  assert.deepEqual([put.status, put.body["key"], put.body["parameters"]], [200, key.id, { max_tokens: 9 }]);

  assert.equal((await defaults("key_of_nobody", { method: "PUT", body: forKey })).status, 404);

  const limited = new OpenAI({ baseURL: `${url}/v1`, apiKey: key.secret, maxRetries: 0 });
  const ask = (client: OpenAI, model: string, more: object = {}) =>
    client.chat.completions.create({ model, messages: [question], ...more });
  const sent = () => [lastAsked().model, lastAsked().temperature, lastAsked().max_tokens];
  await ask(limited, "fast");
  assert.deepEqual(sent(), ["n", 0.5, 9]);
  await ask(limited, "n", { temperature: 1, max_tokens: 3 });
  assert.deepEqual(sent(), ["n", 1, 3]);
  await ask(openai, "fast", { prompt });
  assert.deepEqual([lastAsked().model, lastAsked().temperature], ["m", 0.2], "a prompt goes before");
  // Whatever an alias is called, the key may use what it may use.
  const steal = { aliases: { n: "m" }, parameters: {} };
  assert.equal((await defaults(key.id, { method: "PUT", body: steal })).status, 200);
  await assert.rejects(ask(limited, "n"), (err) => err instanceof NotFoundError && /'n'/.test(err.message));
  assert.equal((await defaults(key.id, { method: "PUT", body: forKey })).status, 200);

  const listed = async (client: OpenAI) => (await client.models.list()).data.map(({ id }) => id).toSorted();
  assert.deepEqual(await listed(limited), ["clever", "fast", "n"]);
  const gemini = await requestJson(`${url}/v1beta/models/clever:generateContent`, apiKey, {
    body: { contents: [{ role: "user", parts: [{ text: "Capital of France?" }] }], generationConfig: { topP: 1 } },
  });
  assert.equal(gemini.status, 200, JSON.stringify(gemini.body));
  assert.deepEqual([...sent().slice(0, 2), lastAsked().top_p], ["n", 0.5, 1]);
  await anthropic.messages.create({ model: "fast", max_tokens: 20, messages: [question] });
  assert.deepEqual(sent(), ["m", 0.5, 20]);
  const counted = await anthropic.messages.countTokens({ model: "fast", messages: [question] });
  assert.ok(counted.input_tokens > 0);
  // Without parameters a chat call goes the shorter way, and its alias with it.
  assert.equal((await defaults("all", { method: "PUT", body: { aliases: { fast: "m" } } })).body["version"], 2);
  await ask(openai, "fast");
  assert.deepEqual(sent().slice(0, 2), ["m", undefined]);
  await waitForNoCall(platform);
  const models = (await listUsage(platform)).slice(0, 3).map(({ model }) => model);
  assert.ok(
    models.every((model) => model === "m" || model === "n"),
    `usage is of models, not of names: ${models}`,
  );

  const lyss = (...words: readonly string[]) =>
    runLyss(["call-defaults", ...words], { LYSS_URL: url, LYSS_API_KEY: apiKey });
  assert.match((await lyss("list")).output, new RegExp(`all +fast=m +none +2\\n${key.id} +fast=n +max_tokens=9 +3`));
  const said = await lyss("put", "all", "--alias", "a=m", "b=n", "--top-p", "0.5", "--if-version", "2");
  assert.match(said.output, /aliases +a=m b=n\nparameters +top_p=0\.5/);
  assert.match((await lyss("put", "all", "--alias", "a")).complaint, /name=model/);
  assert.match((await lyss("put", "all", "--if-version", "2")).complaint, /at version 3, not 2/);
  assert.match((await lyss("delete", "all")).output, /Nothing is said by default for all\./);
  assert.match((await lyss("get", "all")).complaint, /Nothing is said by default/);
});

test("prompts are kept by command", async () => {
  const env = { LYSS_URL: url, LYSS_API_KEY: apiKey };
  const lyss = (...words: readonly string[]) => runLyss(["prompt", ...words], env);
  const file = join(platform.dataDir, "prompt.json");
  writeFileSync(file, JSON.stringify(geography));
  assert.match((await lyss("put", "by-hand", "--file", file, "--description", "first")).output, /variables +field/);
  assert.match((await lyss("put", "by-hand", "--system", "Hi {{who}}.")).output, /latest version +2/);
  assert.match((await lyss("label", "by-hand", "production", "1")).output, /labels +production=1/);
  assert.match((await lyss("list")).output, /by-hand +2 +production=1/);
  assert.match((await lyss("versions", "by-hand")).output, /^2 .*\n1 .* first/m);
  const shown = await lyss("render", "by-hand", "--prompt-version", "2", "--var", "who=Ann=Bea");
  assert.match(shown.output, /^system:\nHi Ann=Bea\./);
  assert.match((await lyss("render", "by-hand")).complaint, /Missing: field/);
  assert.match((await lyss("unlabel", "by-hand", "production")).output, /latest version +2/);
  assert.equal((await lyss("delete", "by-hand")).output, "by-hand is removed.\n");
  assert.match((await lyss("get", "by-hand")).complaint, /no prompt 'by-hand'/);
});

const image = `data:image/png;base64,${Buffer.from("a picture").toString("base64")}`;
const look = { name: "look", description: "Looks closer.", parameters: { type: "object", properties: {} } };
const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

test("a prompt's tools, images and form of the answer go with calls of each dialect, and a call's own count before them", async () => {
  const prompt = {
    messages: [
      { role: "system", content: "You know {{field}}." },
      {
        role: "user",
        content: [
          { type: "text", text: "Where in {{field}} is this?" },
          { type: "image_url", image_url: { url: image, detail: "low" } },
        ],
      },
    ],
    model: "m",
    parameters: { seed: 7 },
    tools: [{ type: "function", function: look }],
    tool_choice: { type: "function", function: { name: "look" } },
    response_format: { type: "json_schema", json_schema: { name: "place", schema, strict: true } },
  };
  const put = await prompts("/pictures", { method: "PUT", body: prompt });
  assert.equal(put.status, 200, JSON.stringify(put.body));
  const {
    version: _version,
    variables,
    object: _object,
    created_by: _by,
    created_at: _at,
    ...kept
  } = put.body["content"] as Record<string, unknown>;
  assert.deepEqual(kept, { ...prompt, description: "" });
  assert.deepEqual(variables, ["field"]);

  const id = { id: "pictures", variables: { field: "France" } };
  const messages = [{ role: "user" as const, content: "Well?" }];
  const given = (path: string, body: object) => requestJson(`${url}${path}`, apiKey, { body });
  const calls = [
    await given("/v1/chat/completions", { prompt: id, messages }),
    await given("/v1/messages", { prompt: id, messages, max_tokens: 50 }),
    await given("/v1/responses", { prompt: id, input: "Well?" }),
  ];
  assert.deepEqual(
    calls.map(({ status }) => status),
    [200, 200, 200],
    JSON.stringify(calls.map(({ body }) => body)),
  );
  for (const text of asked.slice(-3)) {
    const call = JSON.parse(text);
    assert.equal(call.tools[0].function.name, "look", text);
    assert.deepEqual(call.tools[0].function.parameters, look.parameters);
    assert.deepEqual(call.tool_choice, prompt.tool_choice);
    assert.deepEqual(call.response_format.json_schema.schema, schema);
    const shown = call.messages[1].content;
    assert.deepEqual([shown[0].text, shown[1].image_url.url], ["Where in France is this?", image], text);
  }
  assert.equal(JSON.parse(asked.at(-3) ?? "{}").seed, 7);

  const own = [{ type: "function", function: { name: "own", parameters: { type: "object", properties: {} } } }];
  const format = { type: "json_object" };
  assert.equal(
    (await given("/v1/chat/completions", { prompt: id, messages, tools: own, response_format: format })).status,
    200,
  );
  const { tools, tool_choice, response_format } = lastAsked();
  assert.deepEqual([tools.length, tools[0].function.name, tool_choice, response_format], [1, "own", undefined, format]);
  await waitForNoCall(platform);
});

test("a prompt is refused whose choice names no tool of its own, or that has an image where none may be", async () => {
  const image = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
  const messages = [{ role: "user", content: [image] }];
  const tool = { type: "function", function: { name: "look" } };
  for (const [body, field] of [
    [{ messages, tool_choice: "auto" }, "tool_choice"],
    [{ messages, tools: [tool], tool_choice: { type: "function", function: { name: "other" } } }, "tool_choice"],
    [{ messages, tools: [tool, tool] }, "tools"],
    [{ messages: [{ role: "assistant", content: [image] }] }, "messages"],
    [{ messages: [{ role: "user", content: [{ ...image, image_url: { url: "http://10.0.0.1/a" } }] }] }, "messages"],
    [{ messages, response_format: { type: "xml" } }, "response_format"],
  ] as const) {
    const { status, body: answer } = await prompts("/wrong", { method: "PUT", body });
    assert.equal(status, 400, JSON.stringify(answer));
    assert.match(JSON.stringify(answer), new RegExp(field));
  }
});
