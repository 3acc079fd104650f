import type { GetCallReceiptResponse } from "../../api/gen/client.ts";
import { Badge, Card } from "../../ui/page-parts.tsx";
import { Money, Quantity } from "../../ui/values.tsx";
import { useRequestTexts } from "./texts.ts";

/** How a call was compared with examples of its route, by one model, and what that cost. */
export function Meaning({ meaning }: { readonly meaning: GetCallReceiptResponse["meaning"][number] }) {
  const t = useRequestTexts();
  const { model, result, calls, places } = meaning;
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("meaning")}</h2>
      <p className="mt-0.5 text-ink-soft">{t(`meaning.${result}`, { model })}</p>
      {places.length > 0 && (
        <ul className="mt-3 divide-y divide-line">
          {places.map(({ route, target, example, similarity, min_similarity }) => (
            <li key={`${route} ${target} ${example}`} className="py-2.5">
              <div className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 text-[13px]">
                <span className="min-w-0 font-mono break-all">{target}</span>
                <span className="flex shrink-0 items-center gap-2">
                  <Badge tone={similarity >= min_similarity ? "good" : "neutral"}>
                    <span className="tabular-nums">{(Math.floor(similarity * 1_000) / 1_000).toFixed(3)}</span>
                  </Badge>
                  <span className="text-xs text-ink-soft">
                    {t("nearFrom")} <Quantity value={min_similarity} />
                  </span>
                </span>
              </div>
              <p className="mt-0.5 text-xs break-words text-ink-soft">{t("nearest", { example })}</p>
            </li>
          ))}
        </ul>
      )}
      {calls.length > 0 && (
        <ul className="mt-3 space-y-1 text-xs text-ink-soft">
          {calls.map(({ call, of, cost_nanos }) => (
            <li key={call} className="flex flex-wrap justify-between gap-x-3">
              <span>{t(`meaning.of.${of}`)}</span>
              {cost_nanos !== null && <Money nanos={cost_nanos} />}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
