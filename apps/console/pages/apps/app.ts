import type { GetClientResponse } from "../../api/gen/client.ts";

/** A program that signs the tenant's people in by Lyss. */
export type App = GetClientResponse;
