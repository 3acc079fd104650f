import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { accessRoutes } from "./access-routes.ts";
import { browserSessionRoutes } from "./browser-session-routes.ts";
import { clientRoutes } from "./clients/client-routes.ts";
import { factorRoutes } from "./factors/factor-routes.ts";
import { factorSignInRoutes } from "./factors/sign-in-routes.ts";
import { keyRoutes } from "./key-routes.ts";
import { leakRoutes } from "./leak-routes.ts";
import { limitRoutes } from "./limits/limit-routes.ts";
import { metadataRoutes } from "./metadata-routes.ts";
import type { AuthOps } from "./ops.ts";
import { roleRoutes } from "./roles/role-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { tokenRoutes } from "./token-routes.ts";

const { json } = routesFor<AuthOps>();

/** The public keys of access tokens, and what people do with their API keys. */
export const authRoutes = [
  json({
    method: "GET",
    path: "/.well-known/jwks.json",
    permission: "public",
    operation: "getJwks",
    summary: "The public keys that verify access tokens (RFC 7517).",
    response: z.strictObject({
      keys: z.array(
        z.strictObject({
          kty: z.literal("OKP"),
          crv: z.literal("Ed25519"),
          alg: z.literal("EdDSA"),
          use: z.literal("sig"),
          kid: z.string(),
          x: z.string(),
        }),
      ),
    }),
    handle: (ops) => ({ keys: [...ops.getJwks().keys] }),
  }),
  ...metadataRoutes,
  ...keyRoutes,
  ...leakRoutes,
  ...clientRoutes,
  ...tokenRoutes,
  ...sessionRoutes,
  ...browserSessionRoutes,
  ...accessRoutes,
  ...limitRoutes,
  ...roleRoutes,
  ...factorRoutes,
  ...factorSignInRoutes,
];
