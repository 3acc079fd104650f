import assert from "node:assert/strict";
import { test } from "node:test";
import { createTopicMap, mapTypes, type Topic, type TopicState } from "./topic.ts";
import { planTopics } from "./topic-plan.ts";

const dayMs = 86_400_000;

function toTopic(name: string, types: readonly string[], partitions = 3): Topic {
  return { name, types, partitions, retentionMs: dayMs };
}

test("a type lies in the topic that names it at greatest length", () => {
  const find = createTopicMap([toTopic("rest", ["*"]), toTopic("keys", ["key.*"]), toTopic("one", ["key.revoked"])]);
  assert.deepEqual(
    ["key.revoked", "key.created", "user.created"].map((type) => find(type)?.name),
    ["one", "keys", "rest"],
  );
});

test("types without a topic are all named at once", () => {
  assert.throws(() => mapTypes([toTopic("keys", ["key.*"])], ["key.made", "a.b", "c.d"]), {
    name: "TypeError",
    message: "no topic is declared for a.b, c.d",
  });
});

test("a declaration that says two things is refused", () => {
  assert.throws(() => createTopicMap([toTopic("a", ["x"]), toTopic("a", ["y"])]), /two topics are named a/);
  assert.throws(() => createTopicMap([toTopic("a", ["x"]), toTopic("b", ["x"])]), /topics a and b both claim x/);
  assert.throws(() => createTopicMap([toTopic("a", ["x"], 0)]), /topic a needs partitions/);
});

const found: TopicState = {
  name: "keys",
  partitions: 3,
  replicas: 1,
  underReplicated: 0,
  messages: 0,
  retentionMs: dayMs,
  groups: [],
};

test("topics that are as declared take no step, and topics that nobody declared are left alone", () => {
  assert.deepEqual(planTopics([toTopic("keys", ["*"])], [found, { ...found, name: "of others" }], 1), []);
});

test("a missing topic is created, a small one gets partitions, and what cannot be changed safely is told", () => {
  const declared = [toTopic("new", ["a"]), toTopic("keys", ["b"], 6), toTopic("large", ["c"])];
  const state = [found, { ...found, name: "large", partitions: 9, retentionMs: undefined }];
  assert.deepEqual(
    planTopics(declared, state, 3).map((step) => [step.topic.name, step.kind === "differs" ? step.what : step.kind]),
    [
      ["new", "create"],
      ["keys", "raise-partitions"],
      ["keys", "replicas"],
      ["large", "partitions"],
      ["large", "replicas"],
      ["large", "retention"],
    ],
  );
});
