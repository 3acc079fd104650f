import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

export const providerNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    inBothLanguages(
      "must be 1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit",
      "必须是 1 到 63 个字符：a-z、0-9、“.”、“_”和“-”，以字母或数字开头",
    ),
  );
