import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { z } from "zod";
import type { ImageFacts } from "./avatar-image.ts";
import { type User, userFields } from "./model.ts";

export type Theme = "system" | "light" | "dark";

/** An avatar without its bytes. */
export interface AvatarFacts extends ImageFacts {
  /** SHA-256 of the bytes, in hex. */
  readonly hash: string;
}

/** A person, and how the person likes Lyss to be. */
export interface Profile extends User {
  readonly locale: Locale;
  /** IANA name. */
  readonly timeZone: string;
  readonly theme: Theme;
  /** Whether the person gets a mail when a budget of their own reaches a mark. */
  readonly mailsBudgetAlerts: boolean;
  readonly avatar: AvatarFacts | null;
}

/** What of a profile others of the tenant see, and may change with `user:update`. */
export const shownFields = ["name", "locale", "timeZone"] as const;
/** What only the person sees and changes. */
export const ownFields = ["theme", "mailsBudgetAlerts"] as const;

/** Bounds of what callers may enter. */
export const profileFields = {
  name: userFields.name,
  locale: z.enum(["en_US", "zh_CN"]),
  timeZone: z
    .string()
    .max(64)
    .refine(
      isTimeZone,
      inBothLanguages(
        "must be the IANA name of a time zone, such as Asia/Shanghai",
        "必须是 IANA 时区名，例如 Asia/Shanghai",
      ),
    )
    .meta({ examples: ["Asia/Shanghai"] }),
  theme: z.enum(["system", "light", "dark"]),
};

/** An offset such as +08:00 is no name: it knows no summer. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}
