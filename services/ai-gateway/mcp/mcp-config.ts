import { secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { serverHeadersSchema } from "../servers/server-headers.ts";
import { mcpServerFields } from "./mcp-server.ts";
import { serverOauthFields } from "./server-oauth.ts";

/** Section `mcpServers` of the configuration. */
export const mcpServersSchema = z
  .array(
    z.strictObject({
      ...mcpServerFields,
      name: mcpServerFields.name.refine(
        (name) => name !== "simulated",
        inBothLanguages("must not be 'simulated', the built-in server", "不能是内置服务器的名称“simulated”"),
      ),
      headers: serverHeadersSchema(secretSchema)
        .default({})
        .describe("Sent with each request, such as `authorization: Bearer …`."),
      oauth: z
        .strictObject({
          ...serverOauthFields,
          clientSecret: secretSchema.describe(
            "What the server's authorization server knows Lyss by, beside the client id.",
          ),
          resource: serverOauthFields.resource.optional(),
          tokenAuthMethod: serverOauthFields.tokenAuthMethod.default("client_secret_basic"),
        })
        .optional()
        .describe("How tokens for it are got by client credentials (OAuth 2.0)."),
    }),
  )
  .max(100)
  .refine(
    (list) => new Set(list.map(({ name }) => name)).size === list.length,
    inBothLanguages("must have each name only once", "名称不能重复"),
  )
  .prefault([])
  .describe("Servers of tools (MCP) for every tenant; see guides/tools.md.");

export type McpServerConfig = z.output<typeof mcpServersSchema>[number];
