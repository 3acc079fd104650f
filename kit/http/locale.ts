import type { Locale } from "../errors/failure.ts";

/** A longer header is cut: nobody speaks that many languages. */
const maxHeaderLength = 256;

/** The language that an Accept-Language header (RFC 9110, 12.5.4) prefers of those we speak; English when it says nothing. */
export function localeOf(acceptLanguage: string | undefined): Locale {
  if (!acceptLanguage) return "en_US";
  let best: Locale = "en_US";
  let bestWeight = 0;
  for (const range of acceptLanguage.slice(0, maxHeaderLength).split(",")) {
    const [tag = "", ...parameters] = range.trim().toLowerCase().split(";");
    const locale = /^zh(-|$)/.test(tag) ? "zh_CN" : /^(en(-|$)|\*$)/.test(tag) ? "en_US" : undefined;
    const weight = weightOf(parameters);
    if (locale && weight > bestWeight) [best, bestWeight] = [locale, weight];
  }
  return best;
}

function weightOf(parameters: readonly string[]): number {
  const quality = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("q="));
  const weight = quality === undefined ? 1 : Number(quality.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}
