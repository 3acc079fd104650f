import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";

/** Ids of tenants in paths; `me` is the caller's own. */
export const tenantParams = z.strictObject({ id: z.string().max(64) });

interface Request {
  readonly caller: Caller | undefined;
  readonly clientAddress: string;
}

/** On whose behalf a request is made. */
export function actorOf(request: Request) {
  const { tenantId, userId, permissions } = requireCaller(request);
  return { tenantId, userId, permissions, clientAddress: request.clientAddress };
}

/** The tenant that a path names, and on whose behalf. */
export function referenceOf(request: Request & { readonly params: { readonly id: string } }) {
  const actor = actorOf(request);
  const { id } = request.params;
  return { tenantId: id === "me" ? actor.tenantId : id, actor };
}
