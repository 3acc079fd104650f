import { tenantCreated, tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createTenantOps } from "./ops.ts";
import { createTenantRpc } from "./rpc.ts";
import { createTenantStore } from "./store.ts";

export const tenant = defineService({
  name: "tenant",
  contract: TenantService,
  needs: {},
  publishes: [tenantCreated, tenantUpdated],
  hears: [],
  config: {},
  migrations: new URL("./migrations/", import.meta.url),
  routes: [],

  async start({ db, outbox, clock, random }) {
    const ops = createTenantOps({ db, store: createTenantStore(db.sql), outbox, clock, random });
    return { ops, rpc: createTenantRpc(ops), health: { database: databaseCheck(db) } };
  },
});
