import type { GetCallReceiptResponse } from "../../api/gen/client.ts";
import { CallStatusBadge } from "../../ui/call-status.tsx";
import { Card } from "../../ui/page-parts.tsx";
import { Duration, Money } from "../../ui/values.tsx";
import { useRequestTexts } from "./texts.ts";

/** So wide that it is seen, however short it was. */
const leastPercent = 0.8;

/** Attempts along the time that the call took. */
export function Waterfall({ attempts }: { readonly attempts: GetCallReceiptResponse["attempts"] }) {
  const t = useRequestTexts();
  const spans = attempts.map((attempt, at) => {
    const beginMs = Date.parse(attempt.started_at);
    const next = attempts[at + 1];
    // How long one took that was not charged is not on record: the next began when it was over.
    const tookMs = attempt.latency_ms ?? (next ? Math.max(0, Date.parse(next.started_at) - beginMs) : 0);
    return { attempt, beginMs, tookMs };
  });
  const firstMs = Math.min(...spans.map(({ beginMs }) => beginMs));
  const wholeMs = Math.max(1, ...spans.map(({ beginMs, tookMs }) => beginMs + tookMs - firstMs));
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("attempts")}</h2>
      <p className="mt-0.5 text-ink-soft">{t("attemptsHint")}</p>
      <ol className="mt-4 grid gap-4">
        {spans.map(({ attempt, beginMs, tookMs }) => (
          <li key={attempt.attempt} className="grid gap-1.5">
            <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
              <span className="font-medium">{t("attempt", { attempt: attempt.attempt })}</span>
              <span className="text-ink-soft">
                {attempt.provider} · {attempt.model}
              </span>
              <CallStatusBadge status={attempt.status} />
              <span className="ml-auto flex gap-3">
                {attempt.charged ? (
                  <Money nanos={attempt.cost_nanos} />
                ) : (
                  <span className="text-ink-soft">{t("free")}</span>
                )}
                <Duration ms={tookMs} />
              </span>
            </div>
            <div aria-hidden className="h-2.5 rounded-full bg-sunken">
              <div
                className={`h-full rounded-full ${attempt.status === "failed" || attempt.status === "lost" ? "bg-bad" : "bg-accent"}`}
                style={{
                  marginLeft: `${Math.min(100 - leastPercent, ((beginMs - firstMs) / wholeMs) * 100)}%`,
                  width: `${Math.max(leastPercent, (tookMs / wholeMs) * 100)}%`,
                }}
              />
            </div>
          </li>
        ))}
      </ol>
    </Card>
  );
}
