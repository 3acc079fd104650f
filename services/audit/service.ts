import {
  auditAnchored,
  auditChainBroken,
  auditPersonErased,
  auditPersonExported,
} from "@lyss/contracts/events/audit.ts";
import { userDeleted, userExportRequested } from "@lyss/contracts/events/user.ts";
import { AuditService } from "@lyss/contracts/gen/lyss/audit/v1/audit_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { auditRules } from "./audit-rules.ts";
import { auditConfig } from "./config.ts";
import { createAuditSubscriptions } from "./events.ts";
import { createAuditJobs } from "./jobs.ts";
import { createAuditOps } from "./ops.ts";
import { auditRoutes } from "./routes.ts";
import { createAuditRpc } from "./rpc.ts";
import { createSealer } from "./seal.ts";
import { createAuditStore } from "./store.ts";

const dayMs = 86_400_000;

export const audit = defineService({
  name: "audit",
  contract: AuditService,
  needs: {},
  publishes: [auditAnchored, auditChainBroken, auditPersonErased, auditPersonExported],
  hears: [...auditRules.map(({ event }) => event), userDeleted, userExportRequested],
  config: auditConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: auditRoutes,

  async start({ config, db, outbox, clock, random, log, deriveKey }) {
    const sealer = createSealer(deriveKey("audit.seal"));
    const retentionMs = config.audit.retentionDays * dayMs;
    const { searchTimeoutMs } = config.audit;
    const store = createAuditStore(db.sql);
    const ops = createAuditOps({ db, store, sealer, outbox, clock, random, log, retentionMs, searchTimeoutMs });
    return {
      ops,
      rpc: createAuditRpc(ops),
      subscriptions: createAuditSubscriptions(ops, { outbox, random }),
      jobs: createAuditJobs(ops),
      health: { database: databaseCheck(db) },
    };
  },
});
