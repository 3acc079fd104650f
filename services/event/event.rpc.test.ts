import assert from "node:assert/strict";
import { after, test } from "node:test";
import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import {
  EventOrder,
  EventReceiverState,
  EventService,
  OperationKind,
  OperationState,
} from "@lyss/contracts/gen/lyss/event/v1/event_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { addSubscription, appendEvents } from "@lyss/kit/testing/event-log-rows.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createEventRpc } from "./rpc.ts";
import { event } from "./service.ts";

const { ops, sql, random } = await startTestService({ after }, event, { clients: {} });
await appendEvents(sql, [
  { id: "evt_1", type: "key.created", key: "key_1", data: { tenantId: "ten_a", n: 1 } },
  { id: "evt_2", type: "key.created", key: "key_2", data: { tenantId: "ten_b", n: 2 } },
]);

eachTransport("event", (serve) => {
  test("a peer reads the log, a tenant's part of it, and how subscriptions stand to it", async () => {
    await using served = await serve(EventService, createEventRpc(ops));
    const { client } = served;
    const { events, nextCursor } = await client.listEvents({ limit: 1, order: EventOrder.OLDEST });
    assert.deepEqual([events[0]?.id, events[0]?.sequence, events[0]?.partitionKey], ["evt_1", 1n, "key_1"]);
    assert.equal(events[0]?.data?.kind.case, "structValue");
    const rest = await client.listEvents({ order: EventOrder.OLDEST, cursor: nextCursor });
    assert.deepEqual([rest.events.map(({ id }) => id), rest.nextCursor], [["evt_2"], ""]);
    const own = await client.listTenantEvents({ tenantId: "ten_b" });
    assert.deepEqual(
      own.events.map(({ id }) => id),
      ["evt_2"],
    );
    assert.equal((await client.listEventTypes({})).types[0]?.isTenantVisible, true);
    await assert.rejects(client.getEvent({ eventId: "evt_none" }), (err) =>
      isFailure(err, eventServiceFailures.not_found),
    );
    await assert.rejects(client.listTenantEvents({ tenantId: "" }), (err) =>
      isFailure(err, kitFailures.invalid_request),
    );
  });

  test("a peer asks for redrives, skips and replays, and steers them", async () => {
    await using served = await serve(EventService, createEventRpc(ops));
    const { client } = served;
    const subscription = random.id("watch");
    await addSubscription(sql, subscription, ["key.created"], { parkedIds: ["evt_1"], isReplayable: true });
    const meant = { service: "auth", subscription };
    const asked = { ...meant, askedBy: "usr_op" };
    assert.equal((await client.getSubscription(meant)).subscription?.parked, 1);
    assert.ok((await client.listSubscriptions({ service: "auth" })).subscriptions.length > 0);
    const { receivers } = await client.getEvent({ eventId: "evt_1" });
    assert.ok(receivers.some((it) => it.subscription === subscription && it.state === EventReceiverState.PARKED));
    const parked = await client.listParkedEvents({ ...meant, scope: { keys: ["key_1"] } });
    assert.deepEqual([parked.parkedEvents.length, parked.parkedEvents[0]?.lastError], [1, "Error: no"]);

    const { operation: redrive } = await client.redriveParkedEvents(asked);
    assert.deepEqual(
      [redrive?.kind, redrive?.state, redrive?.total],
      [OperationKind.REDRIVE, OperationState.PENDING, 1n],
    );
    const { operation: replay } = await client.replayEvents({ ...asked, scope: { speed: 4 }, untilSequence: 1n });
    assert.deepEqual([replay?.total, replay?.untilSequence, replay?.scope?.speed], [1n, 1n, 4]);
    const operationId = replay?.operationId ?? "";
    assert.equal((await client.pauseOperation({ operationId })).operation?.state, OperationState.PAUSED);
    assert.equal((await client.resumeOperation({ operationId })).operation?.state, OperationState.PENDING);
    assert.equal((await client.cancelOperation({ operationId })).operation?.state, OperationState.CANCELED);
    assert.equal((await client.getOperation({ operationId })).operation?.state, OperationState.CANCELED);
    const { operations } = await client.listOperations({ ...meant, state: OperationState.PENDING });
    assert.deepEqual(
      operations.map((it) => it.operationId),
      [redrive?.operationId],
    );
    const { operation: skip } = await client.skipParkedEvents({ ...asked, scope: { eventIds: ["evt_1"] } });
    assert.equal(skip?.handled, 1n);
    await assert.rejects(client.forgetSubscription(asked), (err) =>
      isFailure(err, eventServiceFailures.subscription_live),
    );
    await assert.rejects(client.replayEvents({ ...asked, scope: { speed: -1 } }), (err) =>
      isFailure(err, kitFailures.invalid_request),
    );
  });
});
