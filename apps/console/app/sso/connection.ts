import type { CreateSsoConnectionResponse } from "../../api/gen/client.ts";

/** An identity provider of the tenant. */
export type Connection = CreateSsoConnectionResponse;
