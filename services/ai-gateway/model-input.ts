import { z } from "zod";
import { type ModelConfig, modelSchema, needsInputPrice, videoPriceSchema } from "./model-config.ts";

const { shape } = modelSchema;

/** A model as a request names it; what is left out is filled in. */
export const modelInput = z
  .strictObject({
    name: shape.name,
    upstream_name: shape.upstreamName,
    input_usd_per_million: shape.inputUsdPerMillion,
    cached_input_usd_per_million: shape.cachedInputUsdPerMillion,
    output_usd_per_million: shape.outputUsdPerMillion,
    image_prices: shape.imagePrices,
    video_prices: z
      .array(z.strictObject({ size: videoPriceSchema.shape.size, usd_per_second: videoPriceSchema.shape.usdPerSecond }))
      .min(1)
      .max(64)
      .optional()
      .describe("What a second of video costs by its size."),
    max_output_tokens: shape.maxOutputTokens,
    shows_all_output: shape.showsAllOutput,
    prefill: shape.prefill,
    quantization: shape.quantization,
  })
  .superRefine(
    needsInputPrice("input_usd_per_million", [
      ...["cached_input_usd_per_million", "output_usd_per_million", "image_prices", "video_prices"],
    ]),
  );

/** The same as a file names it. */
export function toModelConfig(input: z.output<typeof modelInput>): ModelConfig {
  return {
    name: input.name,
    upstreamName: input.upstream_name,
    inputUsdPerMillion: input.input_usd_per_million,
    cachedInputUsdPerMillion: input.cached_input_usd_per_million,
    outputUsdPerMillion: input.output_usd_per_million,
    imagePrices: input.image_prices,
    videoPrices: input.video_prices?.map(({ size, usd_per_second: usdPerSecond }) => ({ size, usdPerSecond })),
    maxOutputTokens: input.max_output_tokens,
    showsAllOutput: input.shows_all_output,
    prefill: input.prefill,
    quantization: input.quantization,
  };
}
