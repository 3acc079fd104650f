import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

/** Where an API begins that somebody names. */
export const baseUrlSchema = z
  .url({
    protocol: /^https?$/,
    error: inBothLanguages(
      "must be an http or https URL such as https://api.openai.com/v1",
      "必须是 http 或 https 的 URL，例如 https://api.openai.com/v1",
    ),
  })
  .max(2_000)
  .refine(
    (url) => !/[?#@]/.test(url),
    inBothLanguages("must have no user name, query or fragment", "不能包含用户名、查询参数或片段"),
  );
