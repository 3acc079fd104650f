import { secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { mcpServerFields, serverHeadersSchema } from "./mcp-server.ts";

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
