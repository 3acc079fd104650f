import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import type { Offer } from "../catalog.ts";
import type { Target } from "../model.ts";
import { messagesField, scanRequest } from "../scan/scan-request.ts";
import { type AskedConversation, createAffinity } from "./affinity.ts";
import { openingOf } from "./opening.ts";
import { type RouteStrategy, routeSchema } from "./route.ts";

const [a, b, c] = ["a", "b", "c"].map(
  (name) => ({ provider: { providerId: name, name }, model: { name: "m" } }) as unknown as Target,
) as [Target, Target, Target];
const caller = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1" };
const system = { role: "system", content: "s".repeat(4_000) };
const said = (content: unknown) => ({ role: "user", content });
const bodyOf = (messages: readonly unknown[], rest: object = {}) => Buffer.from(JSON.stringify({ messages, ...rest }));
const asking = (...messages: readonly unknown[]): AskedConversation => ({ caller, body: bodyOf(messages) });

function offerOf(strategy: RouteStrategy, rules: readonly object[] = [{}, {}, {}]): Offer {
  const targets = rules.map((rule, at) => ({ provider: ["a", "b", "c"][at], model: "m", ...rule }));
  const route = {
    ...routeSchema.parse({ name: "smart", strategy, targets }),
    ...{ tenantId: "", source: "config" as const, version: 1, updatedAt: new Date(0) },
  };
  const routed = route.targets.map((rule, at) => ({ rule, target: [a, b, c][at] as Target }));
  return {
    name: "smart",
    targets: routed.map(({ target }) => target),
    routed: { route, targets: routed, tree: { ...route, targets: routed }, isPriced: true, comparesMeaning: false },
  };
}

function start(settings = { ttlMs: 600_000, minPromptBytes: 2_048 }) {
  const clock = createFakeClock();
  const affinity = createAffinity(settings, clock);
  /** Where a call goes first whose order would be a, b, c. */
  const leadOf = (offer: Offer, asked: AskedConversation, targets: readonly Target[] = offer.targets) =>
    affinity.lead(offer, targets, affinity.find(offer, asked))[0];
  const serve = (offer: Offer, asked: AskedConversation, target: Target) =>
    affinity.note(affinity.find(offer, asked), target);
  return { clock, affinity, leadOf, serve };
}

test("W25: a conversation goes to the account that served it last, where a route chooses for each call", () => {
  const { affinity, leadOf, serve } = start();
  for (const strategy of ["scored", "weighted", "latency"] as const) {
    const offer = offerOf(strategy);
    serve(offer, asking(system, said("hello")), c);
    const next = asking(system, said("hello"), { role: "assistant", content: "hi" }, said("and now?"));
    const { key } = affinity.find(offer, next) ?? {};
    assert.equal(key, affinity.find(offer, asking(system, said("hello")))?.key, "it has grown");
    assert.deepEqual(affinity.lead(offer, offer.targets, affinity.find(offer, next)), [c, a, b], strategy);
    assert.equal(leadOf(offer, asking(system, said("another"))), a, "another conversation");
    for (const other of [{ keyId: "key_2" }, { userId: "usr_2" }, { tenantId: "ten_2" }]) {
      assert.equal(leadOf(offer, { ...next, caller: { ...caller, ...other } }), a, JSON.stringify(other));
    }
    assert.equal(leadOf({ ...offer, name: "other" }, next), a, "another model");
    serve(offer, next, b);
    assert.equal(leadOf(offer, next), b, "the last one counts");
  }
});

test("W25: what a route says comes first: its order, its prices, its priorities, and who only stands in", () => {
  const { leadOf, serve } = start();
  const asked = asking(system, said("hello"));
  for (const strategy of ["fallback", "cost"] as const) {
    serve(offerOf(strategy), asked, b);
    assert.equal(leadOf(offerOf(strategy), asked), a, strategy);
  }
  const unrouted: Offer = { name: "smart", targets: [a, b], routed: undefined };
  assert.equal(leadOf(unrouted, asked), a);
  assert.equal(leadOf(offerOf("scored", [{}, { priority: 1 }]), asked), a, "of a later priority");
  assert.equal(leadOf(offerOf("weighted", [{}, { weight: 0 }]), asked), a, "without a weight");
  const offer = offerOf("weighted");
  assert.equal(leadOf(offer, asked, [a, c]), a, "outside the route for this call");
  assert.equal(leadOf(offer, asked), b, "and it may come back");
});

test("W25: what no provider has cached goes where its route says: short prompts, and after a while all", () => {
  const { clock, leadOf, serve } = start();
  const offer = offerOf("weighted");
  const [short, long] = [asking(said("hello")), asking(system, said("hello"))];
  for (const asked of [short, long]) serve(offer, asked, b);
  assert.deepEqual([leadOf(offer, short), leadOf(offer, long)], [a, b]);
  const grown = asking(said("hello"), said("x".repeat(4_000)));
  assert.equal(leadOf(offer, grown), b, "a conversation that has become long");
  clock.advance(599_999);
  assert.equal(leadOf(offer, long), b);
  clock.advance(1);
  assert.equal(leadOf(offer, long), a);
  const { affinity } = start({ ttlMs: 0, minPromptBytes: 0 });
  assert.equal(affinity.find(offer, long), undefined, "turned off");
  assert.equal(affinity.find(offerOf("weighted", [{}]), long), undefined, "one target needs none of it");
});

test("W24: sealed thoughts go to the account that served their conversation, whatever the order, also when its cache is gone", () => {
  const { clock, leadOf, serve } = start();
  const offer = offerOf("fallback");
  serve(offer, asking(said("hello")), c);
  clock.advance(3_600_000);
  const sealed = { role: "assistant", content: [{ type: "thinking", thinking: "hm", signature: "c2ln" }] };
  assert.equal(leadOf(offer, asking(said("hello"), sealed, said("and?"))), c);
  assert.equal(leadOf(offer, asking(said("hello"), said("and?"))), a);
});

test("W25: a caller may name its cache: the calls of one name stay together, whatever they ask", () => {
  const { leadOf, serve } = start();
  const offer = offerOf("weighted");
  const named = (content: string, key: unknown): AskedConversation => ({
    ...{ caller, body: bodyOf([said(content)], { prompt_cache_key: key }), messagesAt: 12 },
  });
  serve(offer, named("one", "docs"), b);
  assert.equal(leadOf(offer, named("two", "docs")), b);
  assert.equal(leadOf(offer, named("two", "other")), a);
  assert.equal(leadOf(offer, named("three", 7)), a, "a key that is none is the provider's to refuse");
});

test("no more than fifty thousand conversations are remembered, those that were asked about last", () => {
  const { affinity, serve } = start();
  const offer = offerOf("weighted");
  const asked = (at: number) => asking(said(`${at}`));
  for (let at = 0; at < 50_002; at++) {
    serve(offer, asked(at), b);
    if (at === 49_999) serve(offer, asked(0), c);
  }
  assert.equal(affinity.size, 50_000);
  const sealedAt = (at: number) => asking(said(`${at}`), { encrypted_content: "x" });
  const firstOf = (at: number) => affinity.lead(offer, [a, b, c], affinity.find(offer, sealedAt(at)))[0];
  assert.deepEqual([firstOf(0), firstOf(1), firstOf(2), firstOf(3)], [c, a, a, b]);
});

test("a conversation begins with the same in every dialect, whatever marks for caches its parts have", () => {
  const text = "be brief\nhello";
  const mark = { cache_control: { type: "ephemeral" } };
  for (const request of [
    { messages: [{ role: "system", content: "be brief" }, said("hello"), said("more")] },
    { messages: [{ role: "developer", content: [{ type: "text", text: "be brief" }] }, said("hello")] },
    { messages: [{ role: "system", content: "be brief" }, said([{ type: "text", text: "hello", ...mark }])] },
  ]) {
    assert.equal(openingOf(request)?.trim(), text, JSON.stringify(request));
    const scanned = scanRequest(Buffer.from(JSON.stringify({ model: "m", ...request })));
    assert.ok(scanned);
    const { affinity } = start();
    const offer = offerOf("weighted");
    const messagesAt = scanned.ranges[2 * messagesField] ?? 0;
    const short = affinity.find(offer, { caller, body: scanned.body, messagesAt });
    assert.equal(short?.key, affinity.find(offer, { caller, body: scanned.body })?.key, "as the lane reads it");
  }
  const sayings = [
    { system: [{ type: "text", text: "be brief", ...mark }], messages: [said("hello")] },
    { instructions: "be brief", input: "hello" },
    { instructions: "be brief", input: [said([{ type: "input_text", text: "hello" }])] },
    { systemInstruction: { parts: [{ text: "be brief" }] }, contents: [{ role: "user", parts: [{ text: "hello" }] }] },
  ];
  for (const request of sayings) {
    assert.deepEqual(openingOf(request)?.split("\n").filter(Boolean), ["be brief", "hello"], JSON.stringify(request));
  }
  for (const none of [undefined, 7, "text", [], {}, { messages: [] }, { messages: "x".repeat(3), input: 1 }.input]) {
    assert.equal(openingOf(none), undefined, JSON.stringify(none));
  }
  assert.ok(
    openingOf({ messages: [7, null, { content: { content: { content: { content: { content: "deep" } } } } }] }),
  );
});
