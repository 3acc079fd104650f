import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Building2 } from "lucide-react";
import { useState } from "react";
import { getPlan } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { EditPlan } from "../../app/plans/edit-plan.tsx";
import { type Plan, useMarkup } from "../../app/plans/plan.ts";
import { usePlanTexts } from "../../app/plans/texts.ts";
import { BackLink } from "../../ui/back-link.tsx";
import { Button } from "../../ui/button.tsx";
import { Card, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Fact, Facts } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { fromUnits, Money, Quantity, Time } from "../../ui/values.tsx";
import { Tenants } from "./tenants.tsx";

/** One price plan, and who is on it. */
export function Page() {
  const t = usePlanTexts();
  const cache = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const { name = "" } = useParams({ strict: false }) as { readonly name?: string };
  const { data, error, refetch } = useQuery({
    queryKey: ["plan", name],
    queryFn: ({ signal }) => getPlan({ path: { name } }, { signal }),
  });
  const refresh = async () => {
    await Promise.all(
      [["plan", name], ["list", "plans"], ["prices"]].map((queryKey) => cache.invalidateQueries({ queryKey })),
    );
  };
  return (
    <>
      <BackLink to={paths.plans()} text={t("back")} />
      <PageHeader
        title={name || t("plan")}
        description={data?.description}
        actions={data && <Button onClick={() => setOpen(true)}>{t("change")}</Button>}
      />
      {error && !data ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading />
      ) : (
        <>
          <Known plan={data} />
          <Tenants plan={data} onChanged={refresh} />
        </>
      )}
      {isOpen && data && (
        <EditPlan
          plan={data}
          onClose={() => setOpen(false)}
          onSaved={async (said) => {
            await refresh();
            toast(said);
          }}
        />
      )}
    </>
  );
}

function Known({ plan }: { readonly plan: Plan }) {
  const t = usePlanTexts();
  const markupOf = useMarkup();
  return (
    <Card className="mb-8 p-5">
      <Facts>
        <Fact name={t("markup")}>
          <span className="tabular-nums">{markupOf(plan.markup_ppm)}</span>
        </Fact>
        <Fact name={t("credit")}>
          <Money nanos={fromUnits(plan.max_credit_limit)} />
        </Fact>
        <Fact name={t("tenants")}>
          <span className="flex items-center gap-1.5">
            <Building2 aria-hidden className="size-4 text-ink-soft" />
            <Quantity value={plan.tenants} />
          </span>
        </Fact>
        <Fact name={t("created")}>
          <Time at={plan.created_at} />
        </Fact>
      </Facts>
    </Card>
  );
}
