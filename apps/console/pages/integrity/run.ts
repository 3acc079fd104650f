import type { ListIntegrityRunsResponse } from "../../api/gen/client.ts";

/** One check of the books, and what it found. */
export type Run = ListIntegrityRunsResponse["data"][number];
