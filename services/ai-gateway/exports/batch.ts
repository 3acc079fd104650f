import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { ExportedRecord } from "./export-record.ts";

export interface SenderDeps {
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
}

/** Records that go together. */
export interface Batch {
  readonly records: readonly ExportedRecord[];
  /** The same for a repeat that begins with the same record: where it can, the other side keeps one of both. */
  readonly name: string;
}
