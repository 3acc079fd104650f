import { z } from "zod";
import { Secret } from "../config/secret.ts";
import { inBothLanguages } from "../errors/check-input.ts";

const isServer = (text: string) => URL.canParse(text) && ["smtp:", "smtps:"].includes(new URL(text).protocol);

/** Section `mail` of the configuration. */
export const mailConfig = {
  mail: z
    .strictObject({
      url: z
        .string()
        .min(1)
        .max(2_000)
        .refine(
          isServer,
          inBothLanguages(
            "must be smtp://user:password@host:587 or smtps://user:password@host:465",
            "必须形如 smtp://user:password@host:587 或 smtps://user:password@host:465",
          ),
        )
        .transform((text) => new Secret(text))
        .meta({ writeOnly: true })
        .optional()
        .describe("Server that takes mails. Without one they are written to the log, links included."),
      from: z.string().min(3).max(320).default("Lyss <no-reply@localhost>").describe("Whom mails come from."),
      allowsPlaintext: z
        .boolean()
        .default(false)
        .describe("Sends by smtp: to another machine even where it offers no encryption (STARTTLS)."),
      timeoutMs: z.int().min(1_000).max(120_000).default(20_000).describe("For each answer of the server."),
      giveUpAfterMs: z
        .int()
        .min(60_000)
        .max(604_800_000)
        .default(86_400_000)
        .describe("A mail that nobody took for this long is given up."),
    })
    .prefault({}),
};

export type MailConfig = z.output<(typeof mailConfig)["mail"]>;
