import type { ListKeysApiV1Response } from "../../api/gen/client.ts";

/** A key as lists show it: without its secret. */
export type Key = ListKeysApiV1Response["data"][number];
