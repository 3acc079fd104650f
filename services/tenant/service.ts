import { tenantEventTypes } from "@lyss/contracts/events/tenant.ts";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { tenantConfig } from "./config.ts";
import { createDomainStore } from "./domain-store.ts";
import { createTenantOps } from "./ops.ts";
import { tenantRoutes } from "./routes.ts";
import { createTenantRpc } from "./rpc.ts";
import { createTenantStore } from "./store.ts";
import { createTxtReader } from "./txt-records.ts";

export const tenant = defineService({
  name: "tenant",
  contract: TenantService,
  needs: {},
  publishes: tenantEventTypes,
  hears: [],
  config: tenantConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: tenantRoutes,

  async start({ config, db, outbox, clock, random }) {
    const readTxtRecords = createTxtReader(config.tenant);
    const stores = { store: createTenantStore(db.sql), domains: createDomainStore() };
    const { searchTimeoutMs } = config.tenant;
    const ops = createTenantOps({ db, ...stores, outbox, clock, random, readTxtRecords, searchTimeoutMs });
    return { ops, rpc: createTenantRpc(ops), health: { database: databaseCheck(db) } };
  },
});
