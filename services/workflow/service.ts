import { WorkflowService } from "@lyss/contracts/gen/lyss/workflow/v1/workflow_pb.js";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { workflowMigrations } from "@lyss/kit/workflow/dbos.ts";
import { createWorkflowOps } from "./ops.ts";
import { workflowRoutes } from "./routes.ts";
import { createWorkflowRpc } from "./rpc.ts";

export const workflow = defineService({
  name: "workflow",
  contract: WorkflowService,
  needs: {},
  publishes: [],
  hears: [],
  config: {},
  migrations: workflowMigrations,
  routes: workflowRoutes,

  async start({ db, runDesk }) {
    const ops = createWorkflowOps({ desk: runDesk });
    return { ops, rpc: createWorkflowRpc(ops), health: { database: () => db.ping(2_000) } };
  },
});
