import { useLanguage } from "../../app/language.ts";
import { useBucketName, useModeName } from "../../ui/billing-texts.ts";
import { toUnits } from "../../ui/values.tsx";
import type { Term } from "./terms.ts";
import { usePriceTexts } from "./texts.ts";

/** What is counted one by one; all else is priced by the million. */
const singles: ReadonlySet<string> = new Set(["requests", "images", "seconds", "tool_calls"]);

/** How the lines of a price are told to a person. */
export function usePriceWords() {
  const t = usePriceTexts();
  const language = useLanguage();
  const bucketName = useBucketName();
  const modeName = useModeName();
  const count = new Intl.NumberFormat(language);
  const money = (value: number, currency: string, maximumFractionDigits: number) =>
    new Intl.NumberFormat(language, {
      ...{ style: "currency", currency, currencyDisplay: "narrowSymbol" },
      ...{ minimumFractionDigits: 2, maximumFractionDigits },
    }).format(value);
  function priceOf(nanos: string, { bucket }: Term, currency: string): string {
    const units = Number(toUnits(BigInt(nanos)));
    return singles.has(bucket) ? money(units / 1_000_000, currency, 9) : money(units, currency, 6);
  }
  return {
    nameOf({ bucket, when }: Term): string {
      const name = bucketName(bucket);
      if (when.kind === "always") return name;
      if (when.kind === "above") return t("above", { name, tokens: count.format(BigInt(when.tokens)) });
      if (when.kind === "mode") return t("mode", { name, mode: modeName(when.mode) });
      if (when.kind === "modeAbove") {
        return t("modeAbove", { name, mode: modeName(when.mode), tokens: count.format(BigInt(when.tokens)) });
      }
      return t("between", { name, from: when.from, to: when.to });
    },
    rateOf: (nanos: string, term: Term, currency: string): string =>
      t(singles.has(term.bucket) ? "each" : "perMillion", { price: priceOf(nanos, term, currency) }),
    priceOf,
    unitOf: ({ bucket }: Term): string => t(singles.has(bucket) ? "unitSingle" : "unitMillion"),
    markupOf(ppm: number): string {
      const percent = { style: "percent", maximumFractionDigits: 4, signDisplay: "exceptZero" } as const;
      return new Intl.NumberFormat(language, percent).format(ppm / 1_000_000);
    },
  };
}
