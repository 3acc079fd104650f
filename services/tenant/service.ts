import { tenantEventTypes } from "@lyss/contracts/events/tenant.ts";
import { userExportRequested } from "@lyss/contracts/events/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { tenantConfig } from "./config.ts";
import { createDomainStore } from "./domain-store.ts";
import { createTenantSubscriptions } from "./events.ts";
import { createTenantOps } from "./ops.ts";
import { tenantRoutes } from "./routes.ts";
import { createTenantRpc } from "./rpc.ts";
import { createTenantStore } from "./store.ts";
import { createTxtReader } from "./txt-records.ts";

export const tenant = defineService({
  name: "tenant",
  contract: TenantService,
  needs: { auth: AuthService },
  publishes: tenantEventTypes,
  hears: [userExportRequested],
  config: tenantConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: tenantRoutes,

  async start({ config, clients, db, outbox, clock, random, log }) {
    const readTxtRecords = createTxtReader(config.tenant);
    const stores = { store: createTenantStore(db.sql), domains: createDomainStore() };
    const { searchTimeoutMs } = config.tenant;
    const shared = { db, outbox, clock, random, log };
    const ops = createTenantOps({ ...shared, ...stores, auth: clients.auth, readTxtRecords, searchTimeoutMs });
    const subscriptions = createTenantSubscriptions(ops, { outbox, random });
    return { ops, rpc: createTenantRpc(ops), subscriptions, health: { database: databaseCheck(db) } };
  },
});
