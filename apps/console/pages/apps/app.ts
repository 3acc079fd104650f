import type { GetClientResponse } from "../../api/gen/client.ts";

/** A program that signs the tenant's people in by Lyss. */
export type App = GetClientResponse;

/** What an app may ask for beside the sign-in itself. */
export const scopes = ["profile", "email", "groups", "offline_access", "tool:call"] as const;
