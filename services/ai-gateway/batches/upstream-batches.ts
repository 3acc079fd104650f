import type { Target } from "../model.ts";
import type { UpstreamBatches } from "./account-batches.ts";
import type { AccountDeps } from "./account-client.ts";
import { takesJobs } from "./batch-provider.ts";
import { createContentBatches } from "./content-batches.ts";
import { createFileBatches } from "./file-batches.ts";
import { createJobBatches } from "./job-batches.ts";
import { createMessageBatches } from "./message-batches.ts";

/** What speaks to the batches of an account. `target` names the account, and the model for failures. */
export function createUpstreamBatches(deps: AccountDeps, target: Target): UpstreamBatches {
  const { dialect } = target.provider;
  if (dialect === "anthropic") return createMessageBatches(deps, target);
  if (dialect === "gemini") return createContentBatches(deps, target);
  return takesJobs(deps, target.provider) ? createJobBatches(deps, target) : createFileBatches(deps, target);
}
