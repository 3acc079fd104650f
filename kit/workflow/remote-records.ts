import type { Logger } from "pino";
import { runDetached } from "../rpc/call-context.ts";
import { openDbosClient } from "./dbos.ts";
import type { EngineUrls } from "./engine-pool.ts";
import type { RunRecords } from "./run-desk.ts";

/** The engine's records as a process reaches them that runs no engine. */
export interface RemoteRecords {
  /** Loads DBOS and connects at the first call. */
  open(): Promise<RunRecords>;
  close(): Promise<void>;
}

/** `urls` are logins of the role that owns the engine's schema. */
export function createRemoteRecords(options: { readonly urls: EngineUrls; readonly log: Logger }): RemoteRecords {
  let opening: ReturnType<typeof openDbosClient> | undefined;
  return {
    async open() {
      opening ??= openDbosClient(options).catch((err) => {
        opening = undefined;
        throw err;
      });
      const client = await opening;
      return {
        send: (runId, topic, message, messageId) => runDetached(() => client.send(runId, message, topic, messageId)),
        listSteps: async (runId, limit) => (await client.listWorkflowSteps(runId, { limit })) ?? [],
      };
    },
    async close() {
      await opening?.then((client) => client.destroy()).catch(() => {});
    },
  };
}
