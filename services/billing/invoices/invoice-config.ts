import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

const minuteMs = 60_000;
const dayMs = 86_400_000;

const line = z
  .string()
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, inBothLanguages("must be one line without control characters", "必须为单行且不含控制字符"));

/** What is said of a seller or buyer, each part bounded so that it fits on a page. */
export const partyFields = {
  name: line.describe("Name of the company or person."),
  address: z.array(line.min(1)).max(6).describe("Lines of the postal address, the country last."),
  tax_id: line.max(64).describe("Number under which taxes are paid, such as a VAT id or 统一社会信用代码."),
  email: line.max(200).describe("Where to write about invoices."),
};

/** Key `billing.invoices` of the configuration. */
export const invoiceConfig = z
  .strictObject({
    anchorDay: z
      .int()
      .min(1)
      .max(28)
      .default(1)
      .describe("The day of the month on which billing periods begin, at midnight UTC."),
    graceMs: z
      .int()
      .min(minuteMs)
      .max(20 * dayMs)
      .default(60 * minuteMs)
      .describe("How long after its end a period is closed, and its invoice issued."),
    seller: z
      .strictObject({
        name: partyFields.name.default("Lyss"),
        address: partyFields.address.default([]),
        taxId: partyFields.tax_id.default(""),
        email: partyFields.email.default(""),
      })
      .prefault({}),
  })
  .prefault({});
