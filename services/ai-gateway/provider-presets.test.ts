import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { baseUrlSchema } from "./base-url.ts";
import { readRequest } from "./call/read-request.ts";
import { toRequestHeaders } from "./call/send-upstream.ts";
import { type Model, pathAt, withoutEndSlash } from "./model.ts";
import { providerNameSchema } from "./provider-name.ts";
import { findPresetProviders, providerPresets } from "./provider-presets.ts";
import { wires } from "./providers/wires.ts";

const seen: { readonly path: string; readonly headers: IncomingMessage["headers"]; readonly body: unknown }[] = [];
const server = createServer(async (req, res) => {
  const bytes = Buffer.concat(await Array.fromAsync(req));
  seen.push({ path: req.url ?? "", headers: req.headers, body: JSON.parse(bytes.toString()) });
  res.end("{}");
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
after(() => server.close());
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Where a chat is asked, of vendors of voices a text to be spoken, and how a key is shown, by dialect. */
const expected = {
  openai: { path: "/chat/completions", header: "authorization", value: "Bearer a key" },
  responses: { path: "/responses", header: "authorization", value: "Bearer a key" },
  anthropic: { path: "/messages", header: "x-api-key", value: "a key" },
  bedrock: { path: "/model/vendor-model/converse", header: "authorization", value: "Bearer a key" },
  cohere: { path: "/v2/chat", header: "authorization", value: "Bearer a key" },
  vertex: {
    ...{ path: "/publishers/google/models/vendor-model:generateContent", header: "authorization" },
    value: "Bearer a key",
  },
  azure: {
    ...{ path: "/deployments/vendor-model/chat/completions?api-version=2024-10-21", header: "api-key", value: "a key" },
  },
  elevenlabs: { path: "/v1/text-to-speech/luna-en?output_format=mp3_44100_128", header: "xi-api-key", value: "a key" },
  deepgram: {
    path: "/v1/speak?model=vendor-model-luna-en&encoding=mp3",
    header: "authorization",
    value: "Token a key",
  },
  replicate: { path: "/models/vendor-model/predictions", header: "authorization", value: "Bearer a key" },
  gemini: { path: "/models/vendor-model:generateContent", header: "x-goog-api-key", value: "a key" },
} as const;

const filledIn = (baseUrl: string) => baseUrl.replace(/\{\w+\}/g, "mine");

for (const { name, dialect, baseUrl, env, documentation, models, isFromEnvironment } of providerPresets) {
  test(`${name}: what is asked goes to the address that its documentation names, with the key where it is read`, async () => {
    assert.ok(providerNameSchema.safeParse(name).success && /^[A-Z][A-Z0-9_]+$/.test(env));
    assert.ok(/^https:\/\/[\w.-]+\.\w+\//.test(`${documentation}/`));
    const address = filledIn(baseUrl);
    assert.ok(baseUrlSchema.safeParse(address).success && withoutEndSlash(address) === address);
    assert.equal(createAddressGuard().refuse(new URL(address)), undefined);
    // A key in the environment is enough only where nothing is left to fill in or to price.
    if (isFromEnvironment) assert.ok(models.length > 0 && address === baseUrl);

    const isVoice = !wires[dialect].surfaces.includes("chat");
    const chat = { model: "m", max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
    const asked = isVoice ? { model: "m", input: "hi", voice: "luna-en" } : chat;
    const model = { name: "m", upstreamName: "vendor-model", maxOutputTokens: 9 } as Model;
    const draft = wires[dialect].draft(
      readRequest(isVoice ? "speech" : "chat", Buffer.from(JSON.stringify(asked))),
      model,
    );
    const path = pathAt({ baseUrl: address }, draft.endpoint);
    const headers = toRequestHeaders({ dialect }, "a key", false);
    await fetch(origin + path, { method: "POST", headers, body: new Uint8Array(draft.toBody(undefined)) });
    const sent = seen.at(-1) ?? assert.fail("nothing was sent");
    const { path: endpoint, header, value } = expected[dialect];
    assert.equal(sent.path, new URL(address).pathname.replace(/\/$/, "") + endpoint);
    assert.equal(sent.headers[header], value);
    const others = Object.values(expected).filter((other) => other.header !== header);
    assert.deepEqual(
      others.flatMap((other) => sent.headers[other.header] ?? []),
      [],
    );
    if (isVoice) return;
    const { model: asName } = sent.body as { model?: string };
    // Where the path names the model, the body does not.
    assert.equal(
      asName,
      endpoint.includes("/models/vendor-model") || endpoint.includes("/model/") ? undefined : "vendor-model",
    );
  });
}

test("there are at least 40 vendors, each once, and the guide has a line for each", () => {
  const names = providerPresets.map(({ name }) => name);
  assert.ok(names.length >= 40 && new Set(names).size === names.length);
  const guide = readFileSync(new URL("../../docs/guides/vendors.md", import.meta.url), "utf8");
  const wanted = providerPresets.map(
    ({ name, env, dialect, baseUrl, documentation }) =>
      `| \`${name}\` | \`${env}\` | ${dialect} | ${baseUrl} | [documentation](${documentation}) |`,
  );
  const lines = guide.split("\n").filter((line) => line.startsWith("| `"));
  assert.deepEqual(lines.toSorted(), wanted.toSorted());
});

test("a key in the environment adds the vendor whose it is, unless the file says more, and never two", () => {
  const variables = providerPresets.filter((preset) => preset.isFromEnvironment).map(({ env }) => env);
  assert.equal(new Set(variables).size, variables.length);
  for (const { env, isFromEnvironment } of providerPresets) {
    if (!isFromEnvironment) assert.ok(!variables.includes(env) || env === "MOONSHOT_API_KEY", env);
  }
  const env = { ANTHROPIC_API_KEY: "sk", NVIDIA_API_KEY: "nv", OPENAI_API_KEY: "" };
  const [found, ...others] = findPresetProviders(env, []);
  assert.deepEqual([found?.name, found?.dialect, others], ["anthropic", "anthropic", []]);
  assert.deepEqual(findPresetProviders(env, ["anthropic"]), []);
});
