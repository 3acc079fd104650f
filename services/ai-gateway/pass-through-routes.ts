import { routesFor } from "@lyss/kit/http/route.ts";
import type { Place } from "./call-routes.ts";
import type { AiGatewayOps } from "./ops.ts";

const { raw } = routesFor<AiGatewayOps>();

/** Files that are larger go to their provider directly. */
const bodyLimitBytes = 33_554_432;
const words = { GET: "Reads", POST: "Posts", PUT: "Puts", DELETE: "Deletes" } as const;

/** What a tenant's own provider offers beside the surfaces that there are here. */
export function passThroughRoutes({ prefix, suffix, dialect }: Place) {
  return (["GET", "POST", "PUT", "DELETE"] as const).map((method) =>
    raw({
      ...dialect,
      method,
      path: `${prefix}/proxy/{target}`,
      permission: "provider:proxy",
      operation: `passThrough${words[method]}${suffix}`,
      summary: `${words[method]} whatever a provider of the tenant's own has at a path: \`target\` is the provider's name and the path behind its base URL. Answered as it answers; Lyss reads and charges nothing.`,
      bodyLimitBytes: method === "GET" ? 0 : bodyLimitBytes,
      files: ["application/octet-stream"],
      handle: (ops, exchange) => ops.passThrough(exchange),
    }),
  );
}
