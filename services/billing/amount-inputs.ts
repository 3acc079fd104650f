import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

const pattern = (shape: RegExp, en_US: string, zh_CN: string) => z.string().regex(shape, inBothLanguages(en_US, zh_CN));

/** A sum of money as a person writes it, exact to the nano. */
export const amountInput = pattern(
  /^\d{1,9}(\.\d{1,9})?$/,
  "must be a decimal number such as 25 or 0.50",
  "必须是十进制数，例如 25 或 0.50",
);

/** The same, or less than nothing. */
export const signedAmountInput = pattern(
  /^-?\d{1,9}(\.\d{1,9})?$/,
  "must be a decimal number such as 25 or -0.50",
  "必须是十进制数，例如 25 或 -0.50",
);

/** A sum that can be paid. */
export const centsInput = pattern(
  /^\d{1,9}(\.\d{1,2})?$/,
  "must be a decimal number with at most two places, such as 25 or 0.50",
  "必须是最多两位小数的十进制数，例如 25 或 0.50",
);

/** Nanos as JSON carries them. */
export const nanosInput = pattern(
  /^\d{1,18}$/,
  "must be a whole number of nanos, as text",
  "必须是以文本表示的整数（纳单位）",
);
