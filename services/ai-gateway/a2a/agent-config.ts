import { secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { serverHeadersSchema } from "../servers/server-headers.ts";
import { agentFields, defaultTimeoutMs, defaultUsdPerCall } from "./agent.ts";

/** Section `agents` of the configuration. */
export const agentsSchema = z
  .array(
    z.strictObject({
      ...agentFields,
      usdPerCall: agentFields.usdPerCall.default(defaultUsdPerCall),
      timeoutMs: agentFields.timeoutMs.default(defaultTimeoutMs),
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
  .describe("Agents (A2A) for every tenant; see guides/agents.md.");

export type AgentConfig = z.output<typeof agentsSchema>[number];
