import { isMainThread, workerData } from "node:worker_threads";
import { DBOS } from "@dbos-inc/dbos-sdk";

/** What a thread that migrates is given. */
export interface DbosMigration {
  readonly url: string;
  readonly role: string;
  readonly schema: string;
}

// Runs as a thread of its own (dbos.ts): DBOS tells its progress to the console and takes no logger here.
if (!isMainThread) {
  const { url, role, schema } = workerData as DbosMigration;
  await DBOS.migrate(url, { schemaName: schema, applicationRole: role });
}
