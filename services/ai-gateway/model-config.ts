import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { toImagePriceName } from "./funds/image-prices.ts";
import { prefillForms, quantizations } from "./model.ts";

const usdPerMillion = z
  .string()
  .regex(
    /^\d{1,6}(\.\d{1,9})?$/,
    inBothLanguages(
      'must be a decimal string of US dollars per million tokens, such as "0.15"',
      '必须是每百万 token 的美元价格（十进制数字符串），例如 "0.15"',
    ),
  );

const imageWord = z
  .string()
  .regex(
    /^[\w.:-]{1,40}$/,
    inBothLanguages(
      "must be 1 to 40 letters, digits, '.', ':', '_' or '-'",
      "必须是 1 到 40 个字母、数字、“.”、“:”、“_”或“-”",
    ),
  );

/** What an image costs that is of a size, a quality, or both. */
export const imagePriceSchema = z
  .strictObject({
    size: imageWord.optional().describe("As callers write it, such as `1024x1792`; any unless given."),
    quality: imageWord.optional().describe("As callers write it, such as `hd`; any unless given."),
    usd: z
      .string()
      .regex(
        /^\d{1,6}(\.\d{1,9})?$/,
        inBothLanguages(
          'must be a decimal string of US dollars for one image, such as "0.04"',
          '必须是每张图片的美元价格（十进制数字符串），例如 "0.04"',
        ),
      )
      .describe("US dollars for one image: a string of up to six digits, a point and nine digits."),
  })
  .refine(
    ({ size, quality }) => size !== undefined || quality !== undefined,
    inBothLanguages("must have a size or a quality", "必须给出尺寸或质量"),
  );

/** What a second of video costs that is of a size. */
export const videoPriceSchema = z.strictObject({
  size: imageWord.describe("As callers write it, such as `1280x720`."),
  usdPerSecond: z
    .string()
    .regex(
      /^\d{1,6}(\.\d{1,9})?$/,
      inBothLanguages(
        'must be a decimal string of US dollars for a second, such as "0.10"',
        '必须是每秒的美元价格（十进制数字符串），例如 "0.10"',
      ),
    )
    .describe("US dollars for a second: a string of up to six digits, a point and nine digits."),
});

const modelFields = z.strictObject({
  name: z.string().min(1).max(200).describe("What callers write into `model`."),
  inputUsdPerMillion: usdPerMillion
    .optional()
    .describe(
      "US dollars per million input tokens: a string of up to six digits, a point and nine digits. Without it the price book has the price, which the list of well-known prices fills.",
    ),
  outputUsdPerMillion: usdPerMillion
    .optional()
    .describe('The same for output tokens; "0" where only the input has a price.'),
  cachedInputUsdPerMillion: usdPerMillion
    .optional()
    .describe(
      "The same for input that the provider serves from its prompt cache; the price of other input unless given.",
    ),
  imagePrices: z
    .array(imagePriceSchema)
    .min(1)
    .max(64)
    .refine(
      (prices) => new Set(prices.map((price) => toImagePriceName("", price))).size === prices.length,
      inBothLanguages("must name each size and quality once", "同一尺寸和质量只能出现一次"),
    )
    .optional()
    .describe("What an image costs by its size and quality, where it is not charged by tokens."),
  videoPrices: z
    .array(videoPriceSchema)
    .min(1)
    .max(64)
    .refine(
      (prices) => new Set(prices.map(({ size }) => size)).size === prices.length,
      inBothLanguages("must name each size once", "同一尺寸只能出现一次"),
    )
    .optional()
    .describe("What a second of video costs by its size."),
  maxOutputTokens: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(16_384)
    .describe("The longest answer of the model, which bounds what a call may cost."),
  showsAllOutput: z
    .boolean()
    .default(false)
    .describe(
      "Whether its streams show all that is charged as output, so that no hidden reasoning: where money is short, such a stream is paid for as it runs.",
    ),
  upstreamName: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("What the provider calls the model, when that differs from `name`."),
  prefill: z
    .enum(prefillForms)
    .optional()
    .describe(
      "How the model is asked to go on with an answer that is begun: a last message of the assistant's as it is (`plain`), with `prefix` or `partial` true in it, or with `continue_final_message` (vLLM, SGLang). Of Anthropic, DashScope, Mistral and Moonshot it is known.",
    ),
  quantization: z
    .enum(quantizations)
    .optional()
    .describe("In what numbers its weights are kept there. Calls may ask for it; unknown unless given."),
});

/** A rule for models: a price without that of input would make input free by accident. `input` and `others` name the fields. */
export function needsInputPrice(input: string, others: readonly string[]) {
  const message = inBothLanguages(
    `needs ${input} beside it; leave out all prices to take those of the price book`,
    `须同时给出 ${input}；如需采用价目表中的价格，请省略全部价格`,
  );
  return (model: Readonly<Record<string, unknown>>, context: z.RefinementCtx) => {
    if (model[input] !== undefined) return;
    for (const field of others) {
      if (model[field] !== undefined) context.addIssue({ code: "custom", path: [field], message });
    }
  };
}

/** One model of a provider, as a file or a call names it. */
export const modelSchema = modelFields.superRefine(
  needsInputPrice("inputUsdPerMillion", [
    "cachedInputUsdPerMillion",
    "outputUsdPerMillion",
    "imagePrices",
    "videoPrices",
  ]),
);

export type ModelConfig = z.output<typeof modelSchema>;
