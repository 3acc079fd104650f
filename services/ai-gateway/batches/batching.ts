import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { createJobStore } from "../fine-tuning/job-store.ts";
import { createBatchFunds } from "../funds/batch-funds.ts";
import { createVideoStore } from "../videos/video-store.ts";
import { createBatchStore } from "./batch-store.ts";
import { createFileStore } from "./file-store.ts";
import { createKeptContent } from "./kept-content.ts";

export interface BatchingDeps {
  readonly db: Database;
  readonly random: Random;
  readonly billing: Client<typeof BillingService>;
  /** On the local disk, for files on their way to a provider. */
  readonly folder: string;
  deriveKey(purpose: string): Buffer;
}

/** What files, batches, videos and fine-tuning jobs stand on. */
export function createBatching({ db, random, billing, folder, deriveKey }: BatchingDeps) {
  const fileStore = createFileStore(db);
  return {
    ...{ fileStore, batchStore: createBatchStore(db), batchFunds: createBatchFunds(billing) },
    keptContent: createKeptContent({ fileStore, random, key: deriveKey("ai-gateway.batch-file") }),
    ...{ videoStore: createVideoStore(db), fineTuningStore: createJobStore(db) },
    folder,
  };
}
