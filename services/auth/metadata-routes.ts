import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { assertionAlgorithms } from "./clients/client-jwks.ts";
import type { AuthOps } from "./ops.ts";

const { json } = routesFor<AuthOps>();

const address = z.string().meta({ examples: ["https://lyss.example.com/api/v1/auth/token"] });

/** What programs are told of the endpoints that give tokens. */
export const metadataRoutes = [
  json({
    method: "GET",
    path: "/.well-known/oauth-authorization-server",
    permission: "public",
    operation: "getServerMetadata",
    summary:
      "What a program needs to know to get tokens (RFC 8414). People sign in to other programs by the OpenID provider under /oidc.",
    response: z.strictObject({
      issuer: address,
      token_endpoint: address,
      jwks_uri: address,
      revocation_endpoint: address,
      introspection_endpoint: address,
      grant_types_supported: z.array(z.string()),
      response_types_supported: z.array(z.string()).describe("None: nobody is sent here to be signed in."),
      token_endpoint_auth_methods_supported: z.array(z.string()),
      token_endpoint_auth_signing_alg_values_supported: z.array(z.string()),
      revocation_endpoint_auth_methods_supported: z.array(z.string()),
    }),
    handle(ops) {
      const told = ops.getServerMetadata();
      return {
        issuer: told.issuer,
        token_endpoint: told.tokenEndpoint,
        jwks_uri: told.jwksUri,
        revocation_endpoint: told.revocationEndpoint,
        introspection_endpoint: told.introspectionEndpoint,
        grant_types_supported: ["client_credentials", "password", "refresh_token"],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported: [...assertionAlgorithms],
        revocation_endpoint_auth_methods_supported: ["none"],
      };
    },
  }),
];
