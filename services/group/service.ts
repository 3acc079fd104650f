import {
  groupMemberAdded,
  groupMemberRemoved,
  groupMemberRoleChanged,
  groupPersonErased,
  groupPersonExported,
} from "@lyss/contracts/events/group.ts";
import { userCreated, userDeleted, userExportRequested } from "@lyss/contracts/events/user.ts";
import { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { createRepository } from "@lyss/kit/event-sourcing/repository.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { groupAggregate, groupEvents } from "./aggregate.ts";
import { groupConfig } from "./config.ts";
import { createGroupSubscriptions } from "./events.ts";
import { createMembershipProjection } from "./membership.ts";
import { createGroupOps } from "./ops.ts";
import { groupRoutes } from "./routes.ts";
import { createGroupRpc } from "./rpc.ts";
import { createGroupStore } from "./store.ts";

export const group = defineService({
  name: "group",
  contract: GroupService,
  needs: {},
  publishes: [...groupEvents, groupPersonErased, groupPersonExported],
  hears: [userCreated, userDeleted, userExportRequested, groupMemberAdded, groupMemberRemoved, groupMemberRoleChanged],
  config: groupConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: groupRoutes,

  async start({ config, db, outbox, clock, random }) {
    const store = createGroupStore(db.sql);
    const groups = createRepository({ aggregate: groupAggregate, db, outbox, source: "group", clock, random });
    const membership = createMembershipProjection(store);
    const { searchTimeoutMs } = config.group;
    const ops = createGroupOps({ db, store, groups, membership, outbox, clock, random, searchTimeoutMs });
    return {
      ops,
      rpc: createGroupRpc(ops),
      subscriptions: createGroupSubscriptions(ops, { membership, outbox, random }),
      health: { database: () => db.ping(2_000) },
    };
  },
});
