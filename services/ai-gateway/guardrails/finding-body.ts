import { z } from "zod";
import type { Finding } from "./findings.ts";

/** What a rule has found, as callers read it: never what it was. */
export const findingBody = z.strictObject({
  name: z.string(),
  kind: z.string(),
  version: z.int(),
  platform: z.boolean().describe("True for one that the operator has made for all."),
  side: z.enum(["request", "answer"]),
  action: z.enum(["block", "mask", "flag", "error"]).describe("`error` where the rule could not look."),
  count: z.int(),
  reason: z
    .string()
    .optional()
    .describe("A code of whoever was asked; with `error` why no verdict came, such as `timeout` or `malformed`."),
});

export function toFindingBody({ isOfPlatform, ...finding }: Finding): z.input<typeof findingBody> {
  const { name, kind, version, side, action, count, reason } = finding;
  return { name, kind, version, platform: isOfPlatform, side, action, count, reason };
}
