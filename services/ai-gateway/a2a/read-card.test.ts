import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";
import { readCard } from "./read-card.ts";
import { toCardBody } from "./to-card-body.ts";

const skill = { id: "a", name: "A", description: "Ask the agent.", tags: ["a"] };
const old = { protocolVersion: "0.3.0", name: "Agent", description: "An agent.", version: "1", skills: [skill] };
const place = { agentUrl: "https://lyss.example.com/v1/a2a/docs", upstreamHost: "agent" };

test("an agent is called where its card says that it takes JSON-RPC, by the path alone, for each version that is spoken here", () => {
  const { interfaces, hosts } = readCard({
    ...old,
    ...{ url: "https://a.example.com/grpc", preferredTransport: "GRPC" },
    additionalInterfaces: [{ url: "https://b.example.com/rpc?x=1", transport: "JSONRPC" }, { url: 7 }, null],
    supportedInterfaces: [
      { url: "https://c.example.com/v2", protocolBinding: "JSONRPC", protocolVersion: "2.0" },
      { url: "https://c.example.com/v1", protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "t" },
      { url: "javascript:alert(1)", protocolBinding: "JSONRPC", protocolVersion: "1.0" },
    ],
  });
  assert.deepEqual(
    [...interfaces],
    [
      ["1.0", { path: "/v1", tenant: "t" }],
      ["0.3", { path: "/rpc", tenant: undefined }],
    ],
  );
  assert.deepEqual(hosts, ["c.example.com", "a.example.com", "b.example.com"]);
});

test("what is no card, or is of an agent that takes nothing spoken here, is refused", () => {
  const taken = { ...old, url: "https://a.example.com/rpc" };
  assert.ok(readCard(taken));
  for (const [card, fault] of [
    ...[null, [], "card", { ...taken, name: "" }, { ...taken, skills: {} }].map((one) => [one, "malformed"] as const),
    [old, "version"],
    [{ ...taken, protocolVersion: "0.1" }, "version"],
    [{ ...taken, preferredTransport: "HTTP+JSON" }, "version"],
  ] as const) {
    assert.throws(
      () => readCard(card),
      (err) => err instanceof RpcAnswerError && err.fault === fault,
    );
  }
});

test("a card at Lyss names no host of the agent's, wherever it stands, and keeps words that are a host's as well", () => {
  const card = readCard({
    ...{
      ...old,
      url: "http://agent/rpc",
      iconUrl: "http://agent/i.png",
      documentationUrl: "https://docs.example.com/",
    },
    description: `Ask the agent.\u202e${"x".repeat(20_000)}`,
    provider: { organization: "Example", url: "http://agent/about" },
    additionalInterfaces: [{ url: "https://10.0.0.5:8080/rpc", transport: "GRPC" }],
    capabilities: {
      streaming: "yes",
      extensions: [{ uri: "https://10.0.0.5:8080/ext" }, { uri: "urn:x", required: true }],
    },
    skills: [skill, { ...skill, description: "At http://agent/b", tags: ["10.0.0.5:8080", "b"] }, { id: "" }],
  });
  const body = toCardBody(card, "0.3", place) as Record<string, unknown>;
  const text = JSON.stringify(body);
  for (const gone of ["//agent", "10.0.0.5", "\u202e", "provider", "iconUrl"]) assert.ok(!text.includes(gone), gone);
  assert.ok(String(body["description"]).startsWith("Ask the agent.x") && String(body["description"]).length < 8_193);
  assert.equal(body["documentationUrl"], "https://docs.example.com/");
  assert.deepEqual(body["capabilities"], {
    ...{
      streaming: false,
      pushNotifications: false,
      extensions: [{ uri: "urn:x", required: true }],
    },
  });
  assert.deepEqual(body["skills"], [skill, { ...skill, description: "", tags: ["b"] }]);
});
