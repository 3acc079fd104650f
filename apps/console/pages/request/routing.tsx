import type { GetCallReceiptResponse } from "../../api/gen/client.ts";
import { Badge, Card } from "../../ui/page-parts.tsx";
import { useStrategyTexts } from "../../ui/strategies.ts";
import { Duration, Quantity } from "../../ui/values.tsx";
import { useRequestTexts } from "./texts.ts";

/** What scrolls must be reached by keyboard. */
const scrollStop = 0;

/** The candidates of a call, and why each was the one or was not. */
export function Routing({ routing }: { readonly routing: NonNullable<GetCallReceiptResponse["routing"]> }) {
  const t = useRequestTexts();
  const strategyName = useStrategyTexts();
  const { strategy, model, kept_by_conversation: isKept, candidates } = routing;
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("why")}</h2>
      <p className="mt-0.5 text-ink-soft">
        {model}
        {strategy !== null && ` · ${t("strategy", { strategy: strategyName(strategy) })}`} {isKept && t("kept")}
      </p>
      <section className="relative mt-3 overflow-x-auto" aria-label={t("why")} tabIndex={scrollStop}>
        <table className="w-full text-sm">
          <thead>
            <tr className="border-b border-line text-left text-xs text-ink-soft *:h-8 *:pr-4 *:font-medium *:whitespace-nowrap">
              <th scope="col">{t("provider")}</th>
              <th scope="col">{t("model")}</th>
              <th scope="col">{t("result")}</th>
              <th scope="col">{t("score")}</th>
              <th scope="col">{t("firstByte")}</th>
            </tr>
          </thead>
          <tbody>
            {candidates.map(({ provider, model: name, result, code, health }) => (
              <tr
                key={`${provider}/${name}`}
                className="border-b border-line last:border-0 *:h-10 *:pr-4 *:whitespace-nowrap"
              >
                <td>{provider}</td>
                <td>{name}</td>
                <td>
                  <Badge tone={result === "served" ? "good" : result === "failed" ? "bad" : "neutral"}>
                    {t(`result.${result}`)}
                  </Badge>{" "}
                  {code !== null && <code className="font-mono text-xs text-ink-soft">{code}</code>}
                </td>
                <td>{health && <Quantity value={health.score} />}</td>
                <td>{health && health.first_byte_ms !== null && <Duration ms={health.first_byte_ms} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Card>
  );
}
