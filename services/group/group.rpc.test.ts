import assert from "node:assert/strict";
import { after, test } from "node:test";
import { userCreated } from "@lyss/contracts/events/user.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { GroupService, GroupStatus } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createGroupRpc } from "./rpc.ts";
import { group } from "./service.ts";

const service = await startTestService({ after }, group, { clients: {} });
const { ops, random } = service;
await service.hear();

eachTransport("group", (serve) => {
  test("a peer makes a group, fills it, sees its history and archives it", async () => {
    await using served = await serve(GroupService, createGroupRpc(ops));
    const { client } = served;
    const [tenantId, userId] = [random.id("ten"), random.id("usr")];
    await service.say(userCreated, { userId, tenantId });
    await service.untilHeard();
    const actor = { userId: "usr_ann", permissions: ["group:read"] };
    const { group: created } = await client.createGroup({ tenantId, name: " Readers ", description: "All", actor });
    assert.ok(created);
    const { groupId } = created;
    assert.deepEqual(
      [created.name, created.description, created.status, created.memberCount, created.version, created.createdBy],
      ["Readers", "All", GroupStatus.ACTIVE, 1, 2n, "usr_ann"],
    );
    const reference = { tenantId, groupId, actor };
    assert.deepEqual((await client.getGroup(reference)).group, created);

    const added = await client.addMember({ ...reference, userId, expectedVersion: 2n });
    assert.deepEqual([added.member?.role, added.member?.permissions[0], added.version], ["member", "group:read", 3n]);
    const stale = client.updateGroup({ ...reference, name: "Late", expectedVersion: 2n });
    await assert.rejects(stale, (err) => {
      assert.ok(isFailure(err, groupFailures.version_mismatch));
      assert.deepEqual(err.details, { current: 3, expected: 2 });
      return true;
    });
    const changed = await client.changeMemberRole({ ...reference, userId, role: "admin" });
    assert.deepEqual([changed.member?.role, changed.version], ["admin", 4n]);
    assert.equal((await client.updateGroup({ ...reference, description: "" })).group?.description, "");
    assert.deepEqual((await client.getGroup({ ...reference, atVersion: 2n })).group, created);
    assert.equal((await client.listMembers({ ...reference, role: "admin" })).members[0]?.userId, userId);
    assert.equal((await client.removeMember({ ...reference, userId })).version, 6n);

    const { events, nextCursor } = await client.listGroupEvents({ ...reference, limit: 2 });
    assert.deepEqual(
      events.map(({ eventType, version, aggregateId }) => [eventType, version, aggregateId]),
      [
        ["group.member.removed", 6n, groupId],
        ["group.updated", 5n, groupId],
      ],
    );
    assert.equal(events[0]?.eventData?.["removed_by"], "usr_ann");
    const next = await client.listGroupEvents({ ...reference, limit: 1, cursor: nextCursor });
    assert.equal(next.events[0]?.eventType, "group.member.role_changed");

    await service.untilHeard();
    const { group: archived } = await client.archiveGroup(reference);
    assert.equal(archived?.status, GroupStatus.ARCHIVED);
    const list = (status: GroupStatus) => client.listGroups({ tenantId, actor, status, memberId: "usr_ann" });
    assert.deepEqual((await list(GroupStatus.ARCHIVED)).groups, [archived]);
    assert.deepEqual((await list(GroupStatus.ACTIVE)).groups, []);
    assert.ok((await client.rebuildMembership({})).events >= 4n);
    assert.deepEqual((await list(GroupStatus.UNSPECIFIED)).groups, [archived]);
  });

  test("an actor that is left out knows of no group, and bad input names the field", async () => {
    await using served = await serve(GroupService, createGroupRpc(ops));
    const { client } = served;
    const good = { tenantId: random.id("ten"), name: "Readers", actor: { userId: "usr_ann" } };
    const { group: created } = await client.createGroup(good);
    const groupId = created?.groupId ?? "";
    const unknown = client.getGroup({ tenantId: good.tenantId, groupId });
    await assert.rejects(unknown, (err) => isFailure(err, groupFailures.not_found));
    const nobodys = client.createGroup({ tenantId: good.tenantId, name: "Nobody's" });
    await assert.rejects(nobodys, (err) => isFailure(err, groupFailures.owner_missing));
    const badField = (field: string) => (err: unknown) =>
      isFailure(err, kitFailures.invalid_request) && err.details["field"] === field;
    await assert.rejects(client.createGroup({ ...good, tenantId: "" }), badField("tenantId"));
    for (const name of [" ", "x".repeat(101)]) {
      await assert.rejects(client.createGroup({ ...good, name }), badField("name"));
    }
    await assert.rejects(client.createGroup({ ...good, description: "x".repeat(1_001) }), badField("description"));
    const reference = { tenantId: good.tenantId, groupId, actor: good.actor };
    await assert.rejects(client.addMember({ ...reference, userId: "usr_a", role: "root" }), badField("role"));
    await assert.rejects(client.addMember({ ...reference, userId: "" }), badField("userId"));
    await assert.rejects(client.listMembers({ ...reference, limit: 201 }), badField("limit"));
    await assert.rejects(client.listGroupEvents({ ...reference, cursor: "nonsense" }), badField("cursor"));
  });
});
