import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { aiGateway } from "./service.ts";

/** A gateway without providers asks nothing of the services that it needs. */
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const config = { aiGateway: { simulator: false } };

test("changes between two publications are one event each, from the first state to the last", async (t) => {
  const { ops, jobs, listEvents } = await startTestService(t, aiGateway, { clients, config });
  const publish = jobs?.find(({ name }) => name === "publish-resilience");
  assert.ok(publish);
  const userId = "usr_1";
  await ops.orderDegradation({ level: "reduced", feature: undefined, userId });
  await ops.orderDegradation({ level: "essential", feature: undefined, userId });
  await publish.run(AbortSignal.timeout(10_000));
  await publish.run(AbortSignal.timeout(10_000));
  const events = await listEvents();
  const changes = events.filter(({ type }) => type === "degradation.level.changed").map(({ data }) => data);
  assert.deepEqual(
    changes.map(({ feature, from, to, isManual, node }) => [feature ?? "", from, to, isManual, node]),
    [
      ["", "normal", "essential", true, "test"],
      ["provider-test", "normal", "essential", true, "test"],
    ],
  );
  const orders = events.filter(({ type }) => type === "resilience.ordered");
  assert.equal(orders.length, 2);
  assert.equal(orders[0]?.data["userId"], userId);
});

test("an order that cannot be carried out is not told to others", async (t) => {
  const { ops, listEvents } = await startTestService(t, aiGateway, { clients, config });
  const userId = "usr_1";
  await assert.rejects(ops.orderDegradation({ level: "reduced", feature: "nonsense", userId }), (err) =>
    isFailure(err, resilienceFailures.feature_not_found),
  );
  await assert.rejects(ops.orderBreaker({ policy: "provider.nobody", action: "reset", userId }), (err) =>
    isFailure(err, resilienceFailures.policy_not_found),
  );
  assert.equal((await listEvents()).length, 0);
});
