import assert from "node:assert/strict";
import { test } from "node:test";
import { createTopicMap, mapTypes } from "@lyss/kit/events/topic.ts";
import { services } from "./services.ts";
import { topics } from "./topics.ts";

test("every event type of every service has a topic", () => {
  const types = services.flatMap(({ publishes }) => publishes.map(({ type }) => type));
  assert.equal(mapTypes(topics, types).size, types.length);
});

test("events about money lie in llm.billing, the others in llm.events", () => {
  const find = createTopicMap(topics);
  assert.equal(find("billing.balance.low")?.name, "llm.billing");
  assert.equal(find("key.revoked")?.name, "llm.events");
});
