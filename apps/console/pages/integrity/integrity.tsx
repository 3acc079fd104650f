import { useQueryClient } from "@tanstack/react-query";
import { ShieldCheck } from "lucide-react";
import { useState } from "react";
import { listIntegrityRuns, requestIntegrityRun } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { Duration, Quantity, Time } from "../../ui/values.tsx";
import { Findings } from "./findings.tsx";
import type { Run } from "./run.ts";
import { useIntegrityTexts } from "./texts.ts";

const refreshMs = 3_000;

/** Whether all that must hold of the books does, as it was found time after time. */
export function Page() {
  const t = useIntegrityTexts();
  const cache = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const [shown, setShown] = useState<Run>();
  const check = async () => {
    setBusy(true);
    try {
      await requestIntegrityRun({});
      await cache.invalidateQueries({ queryKey: ["list", "integrity-runs"] });
      toast(t("wanted"));
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(false);
    }
  };
  const button = (
    <Button look="primary" isBusy={isBusy} onClick={check}>
      {t("check")}
    </Button>
  );
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={button} />
      <DataTable
        name="integrity-runs"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadRuns}
        searchField="q"
        searchHint={t("searchHint")}
        filters={[
          { name: "state", label: t("state"), options: states.map((one) => [one, t(`state.${one}`)] as const) },
        ]}
        refreshMs={refreshMs}
        empty={
          <EmptyState icon={<ShieldCheck aria-hidden className="size-5" />} title={t("emptyTitle")} action={button}>
            {t("empty")}
          </EmptyState>
        }
        actions={(run) =>
          run.finding_count > 0 && (
            <Button size="small" onClick={() => setShown(run)}>
              {t("show")}
            </Button>
          )
        }
      />
      {shown && <Findings run={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

const loadRuns = narrowHere(
  ["q", "state"],
  (query, signal) => listIntegrityRuns({ query: { limit: 50, ...query } as never }, { signal }),
  (run: Run, { q, state }) => has([run.digest, run.id], q) && (!state || run.state === state),
);

const states = ["failed", "passed", "running", "wanted"] as const;
const tones = { wanted: "neutral", running: "accent", passed: "good", failed: "bad" } as const;

function useColumns(): readonly Column<Run>[] {
  const t = useIntegrityTexts();
  const count = (id: "wallets" | "postings" | "usage", value: (run: Run) => number): Column<Run> => ({
    ...{ id, title: t(id), align: "end", isMinor: true, csv: value, sort: value },
    cell: (run) => <Quantity value={value(run)} />,
  });
  return [
    {
      ...{ id: "when", title: t("when"), csv: (run) => run.wanted_at, sort: (run) => run.wanted_at },
      cell: (run) => (
        <span className="whitespace-nowrap">
          <Time at={run.wanted_at} />
          <span className="block text-xs text-ink-soft">{t(`cause.${run.cause}`)}</span>
        </span>
      ),
    },
    {
      ...{ id: "state", title: t("state"), csv: (run) => t(`state.${run.state}`) },
      cell: ({ state }) => <Badge tone={tones[state]}>{t(`state.${state}`)}</Badge>,
    },
    {
      ...{ id: "findings", title: t("findings"), align: "end", csv: (run) => run.finding_count },
      sort: (run) => run.finding_count,
      cell: (run) => <Quantity value={run.finding_count} />,
    },
    count("wallets", (run) => run.wallets),
    count("postings", (run) => run.postings),
    count("usage", (run) => run.usage_rows),
    {
      ...{ id: "took", title: t("took"), align: "end", isMinor: true },
      cell: ({ started_at, ended_at }) => (
        <Duration
          ms={started_at === null || ended_at === null ? null : Date.parse(ended_at) - Date.parse(started_at)}
        />
      ),
    },
    {
      ...{ id: "digest", title: t("digest"), csv: ({ digest }) => digest, isMinor: true },
      cell: ({ digest }) =>
        digest !== "" && (
          <span className="inline-flex items-center" title={t("digestHint")}>
            <code className="font-mono text-xs text-ink-soft">{digest.slice(0, 10)}…</code>
            <CopyButton text={digest} />
          </span>
        ),
    },
  ];
}
