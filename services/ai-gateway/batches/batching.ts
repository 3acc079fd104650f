import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import { createBatchFunds } from "../funds/batch-funds.ts";
import { createVideoStore } from "../videos/video-store.ts";
import { createBatchStore } from "./batch-store.ts";
import { createFileStore } from "./file-store.ts";

/** What files, batches and videos stand on. `folder` is on the local disk, for files on their way to a provider. */
export function createBatching(db: Database, billing: Client<typeof BillingService>, folder: string) {
  return {
    ...{ fileStore: createFileStore(db), batchStore: createBatchStore(db), batchFunds: createBatchFunds(billing) },
    videoStore: createVideoStore(db),
    folder,
  };
}
