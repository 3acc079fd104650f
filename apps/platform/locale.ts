import type { Locale } from "@lyss/kit/errors/failure.ts";

/** The language of the person at the terminal, by POSIX's order of variables. */
export function localeOf(env: Readonly<Record<string, string | undefined>>): Locale {
  const name = env["LC_ALL"] || env["LC_MESSAGES"] || env["LANG"] || "";
  return name.toLowerCase().startsWith("zh") ? "zh_CN" : "en_US";
}
