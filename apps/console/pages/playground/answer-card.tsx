import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { listUsage } from "../../api/gen/client.ts";
import { Card } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Money, Quantity } from "../../ui/values.tsx";
import type { Answer } from "./run-model.ts";
import { usePlaygroundTexts } from "./texts.ts";

const maxTries = 20;
const tryEveryMs = 500;

/** What a model says, how fast and at what cost. */
export function AnswerCard({ model, answer }: { readonly model: string; readonly answer: Answer | undefined }) {
  const t = usePlaygroundTexts();
  return (
    <Card className="flex min-h-72 min-w-0 flex-col">
      <h2 className="truncate border-b border-line px-4 py-2.5 font-medium">{model}</h2>
      <div
        aria-live="polite"
        aria-busy={answer?.isRunning}
        className="flex-1 px-4 py-3 whitespace-pre-wrap wrap-anywhere"
      >
        {answer ? answer.text : <span className="text-ink-soft">{t("idle")}</span>}
        {answer?.problem !== undefined && <ProblemNote problem={answer.problem} />}
      </div>
      {answer && <Facts answer={answer} />}
    </Card>
  );
}

function Facts({ answer }: { readonly answer: Answer }) {
  const t = usePlaygroundTexts();
  const { firstTokenMs, tookMs, inputTokens, outputTokens, callId, isRunning } = answer;
  // It is written just after the last byte has left.
  const { data: call } = useQuery({
    queryKey: ["list", "usage", "call", callId],
    queryFn: async ({ signal }) => {
      const { data } = await listUsage({ query: { limit: 20 } }, { signal });
      return data.find(({ id }) => id === callId) ?? null;
    },
    enabled: callId !== undefined && !isRunning,
    refetchInterval: ({ state }) => (state.data || state.dataUpdateCount >= maxTries ? false : tryEveryMs),
  });
  const speed =
    tookMs && outputTokens && firstTokenMs !== undefined
      ? outputTokens / Math.max(0.001, (tookMs - firstTokenMs) / 1_000)
      : undefined;
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-2 border-t border-line px-4 py-3 text-[13px] sm:grid-cols-3">
      <Fact name={t("first")}>
        {firstTokenMs !== undefined && <Quantity value={Math.round(firstTokenMs)} unit="ms" />}
      </Fact>
      <Fact name={t("took")}>{tookMs !== undefined && <Quantity value={Math.round(tookMs)} unit="ms" />}</Fact>
      <Fact name={t("speed")}>
        {speed !== undefined && <Quantity value={Math.round(speed)} unit={t("perSecond")} />}
      </Fact>
      <Fact name={t("tokens")}>
        {outputTokens !== undefined && t("inOut", { input: inputTokens ?? 0, output: outputTokens })}
      </Fact>
      <Fact name={t("cost")}>{call && <Money nanos={call.cost_nanos} />}</Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-ink-soft">{name}</dt>
      <dd className="tabular-nums">{children || "–"}</dd>
    </div>
  );
}
