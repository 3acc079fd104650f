import { useQuery } from "@tanstack/react-query";
import { listUsage } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { Figure } from "./figure.tsx";
import { useOverviewTexts } from "./texts.ts";

const refreshMs = 5_000;
const bad = new Set(["failed", "truncated", "lost"]);

/** How the latest calls went: how many failed, and how long they took. */
export function Latest() {
  const t = useOverviewTexts();
  const language = useLanguage();
  const { data } = useQuery({
    queryKey: ["list", "usage", "200"],
    queryFn: ({ signal }) => listUsage({ query: { limit: 200 } }, { signal }),
    refetchInterval: refreshMs,
  });
  const calls = data?.data ?? [];
  const times = calls.map((call) => call.latency_ms).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const duration = (ms: number | undefined) =>
    ms === undefined
      ? "–"
      : ms < 1_000
        ? `${Math.round(ms)} ms`
        : `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(ms / 1_000)} s`;
  const note = t("ofLatest", { count: calls.length });
  const failed = calls.filter(({ status }) => bad.has(status)).length;
  return (
    <>
      <Figure name={t("errors")} value={calls.length === 0 ? "–" : percent.format(failed / calls.length)} note={note} />
      <Figure name={t("latency")} value={duration(at(0.5))} note={note} />
      <Figure name={t("slow")} value={duration(at(0.95))} note={note} />
    </>
  );
}
