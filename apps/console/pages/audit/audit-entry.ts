import type { ListAuditEntriesResponse } from "../../api/gen/client.ts";

/** What the log holds of one act. */
export type AuditEntry = ListAuditEntriesResponse["data"][number];
