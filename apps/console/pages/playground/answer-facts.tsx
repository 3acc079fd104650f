import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { listProviders, listUsage } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { useCan } from "../../app/session.ts";
import { Duration, Money, Quantity } from "../../ui/values.tsx";
import type { Turn } from "./answer.ts";
import { usePlaygroundTexts } from "./texts.ts";

const maxTries = 20;
const tryEveryMs = 500;
/** Below it, a speed is one of the network's. */
const minMeasuredMs = 20;

/** How fast the latest answer is, and what the whole conversation costs: both while it comes. */
export function AnswerFacts({ turns, model }: { readonly turns: readonly Turn[]; readonly model: string }) {
  const t = usePlaygroundTexts();
  const answer = turns.at(-1)?.answer;
  const cost = useCost(turns, model);
  const count = new Intl.NumberFormat(useLanguage());
  if (!answer) return null;
  const { firstTokenMs, tookMs, streamedMs, pieceCount, inputTokens, outputTokens } = answer;
  const tokens = outputTokens ?? pieceCount;
  const speed = tokens > 1 && streamedMs >= minMeasuredMs ? (tokens - 1) / (streamedMs / 1_000) : undefined;
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-2 border-t border-line px-4 py-3 text-[13px] sm:grid-cols-[repeat(3,auto)]">
      <Fact name={t("first")}>{firstTokenMs !== undefined && <Duration ms={firstTokenMs} />}</Fact>
      <Fact name={t("took")}>{tookMs !== undefined && <Duration ms={tookMs} />}</Fact>
      <Fact name={t("speed")}>
        {speed !== undefined && <Quantity value={Math.round(speed)} unit={t("perSecond")} />}
      </Fact>
      <Fact name={t("tokens")}>
        <span className="whitespace-nowrap">
          {inputTokens === undefined
            ? pieceCount > 0 && t("outSoFar", { output: count.format(pieceCount) })
            : t("inOut", { input: count.format(inputTokens), output: count.format(outputTokens ?? 0) })}
        </span>
      </Fact>
      <Fact name={t(turns.length > 1 ? "costAll" : "cost")}>
        {cost && (
          <span className="whitespace-nowrap">
            {!cost.isExact && (
              <span title={t("costEstimate")} aria-hidden>
                {"≈ "}
              </span>
            )}
            <Money nanos={cost.nanos} />
          </span>
        )}
      </Fact>
    </dl>
  );
}

/** What was charged, once it is written; until then what the tokens so far cost by the provider's prices, where they are known. */
function useCost(turns: readonly Turn[], model: string) {
  const ids = turns.flatMap(({ answer }) => (answer.callId === undefined ? [] : [answer.callId]));
  const isRunning = turns.at(-1)?.answer.isRunning ?? false;
  // It is written just after the last byte has left.
  const { data: charged } = useQuery({
    queryKey: ["list", "usage", "calls", ...ids],
    queryFn: async ({ signal }) => {
      const { data } = await listUsage({ query: { limit: 50 } }, { signal });
      const costs = new Map<string, bigint>();
      for (const { id, cost_nanos } of data) costs.set(id, (costs.get(id) ?? 0n) + BigInt(cost_nanos));
      const found = ids.flatMap((id) => costs.get(id) ?? []);
      return found.length < ids.length ? null : String(found.reduce((sum, one) => sum + one, 0n));
    },
    enabled: ids.length > 0 && !isRunning,
    refetchInterval: ({ state }) => (state.data || state.dataUpdateCount >= maxTries ? false : tryEveryMs),
  });
  const price = usePrice(model);
  if (charged) return { nanos: BigInt(charged), isExact: true };
  // Images have prices of their own.
  if (!price || turns.some(({ answer: { pictures } }) => pictures.length > 0)) return undefined;
  const estimate = turns.reduce((sum, { answer: { inputTokens = 0, outputTokens, pieceCount } }) => {
    return sum + inputTokens * price.inputNanos + (outputTokens ?? pieceCount) * price.outputNanos;
  }, 0);
  return estimate > 0 ? { nanos: BigInt(Math.round(estimate)), isExact: false } : undefined;
}

/** Nano-dollars of a token. */
function usePrice(model: string): { readonly inputNanos: number; readonly outputNanos: number } | undefined {
  const maySee = useCan()("provider:read");
  const { data } = useQuery({
    queryKey: ["providers"],
    queryFn: ({ signal }) => listProviders({}, { signal }),
    enabled: maySee,
    staleTime: 60_000,
  });
  const found = data?.data.flatMap(({ models }) => models).find(({ name }) => name === model);
  if (!found || found.output_usd_per_million === null) return undefined;
  return {
    inputNanos: Number(found.input_usd_per_million ?? 0) * 1_000,
    outputNanos: Number(found.output_usd_per_million) * 1_000,
  };
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-ink-soft">{name}</dt>
      <dd className="tabular-nums">{children || "–"}</dd>
    </div>
  );
}
