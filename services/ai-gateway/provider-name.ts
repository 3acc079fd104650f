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

export const regionSchema = z
  .string()
  .regex(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
    inBothLanguages(
      "must be words of a-z and 0-9 with '-' between them, such as eu or eu-central-1",
      "必须是由“-”连接的 a-z、0-9 字符，例如 eu 或 eu-central-1",
    ),
  )
  .max(63);
