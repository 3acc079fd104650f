import type { ListFactorsResponse } from "../../api/gen/client.ts";

/** What somebody shows besides a password. */
export type Factor = ListFactorsResponse["data"][number];
