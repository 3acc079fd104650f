import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { parametersSchema } from "./parameters.ts";

const maxAliases = 200;
const modelName = z.string().min(1).max(200);

/** What is said for calls, but for whose they are. */
export const callDefaultsSchema = z.strictObject({
  aliases: z
    .record(modelName, modelName)
    .default({})
    .refine(
      (aliases) => Object.keys(aliases).length <= maxAliases,
      inBothLanguages(`must have at most ${maxAliases} names`, `名称不得超过 ${maxAliases} 个`),
    )
    .refine(
      (aliases) => Object.entries(aliases).every(([alias, model]) => alias !== model),
      inBothLanguages("must not give a name itself", "名称不得指向自身"),
    )
    .meta({ examples: [{ fast: "gpt-4o-mini" }] })
    .describe(
      "Names that callers may write into `model`, and which model or route each means. A name of a model may be one: it then means the other. An alias of an alias is none.",
    ),
  parameters: parametersSchema.default({}).describe("For calls that do not say them themselves."),
});

export type CallDefaultsSpec = z.output<typeof callDefaultsSchema>;

/** For all of a tenant's calls, or for those with one of its keys. */
export interface CallDefaults extends CallDefaultsSpec {
  readonly tenantId: string;
  /** Empty for all. */
  readonly keyId: string;
  /** 1 when it was made; one more with each change. */
  readonly version: number;
  readonly updatedAt: Date;
}

export type CallDefaultsKey = Pick<CallDefaults, "tenantId" | "keyId">;
