import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FlaskConical, Plus } from "lucide-react";
import { useState } from "react";
import { type DryRunRouteResponse, dryRunRoute, getRoute, putRoute } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useSearchState } from "../../app/search.ts";
import { useCan } from "../../app/session.ts";
import { BackLink } from "../../ui/back-link.tsx";
import { Button } from "../../ui/button.tsx";
import { Form, type FormValues, SelectField, TextField, useFormIsBusy } from "../../ui/form.tsx";
import { Card, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { toast, toastProblem } from "../../ui/toast.tsx";
import {
  newTarget,
  type Route,
  type RouteDraft,
  strategies,
  type TargetDraft,
  toBody,
  toDraft,
  toSettings,
} from "./draft.ts";
import { DryRun } from "./dry-run.tsx";
import { Flow } from "./flow.tsx";
import { History } from "./history.tsx";
import { type Place, usePlaces } from "./places.ts";
import { TargetFields } from "./target-fields.tsx";
import { useRouteTexts } from "./texts.ts";

/** One route: what it does, changed and tried before it counts. `?name=` says which; without one it is new. */
export function Page() {
  const t = useRouteTexts();
  const [{ name }] = useSearchState();
  const places = usePlaces(name);
  const found = useQuery({
    queryKey: ["route", name],
    queryFn: ({ signal }) => getRoute({ path: { name: name ?? "" } }, { signal }),
    enabled: name !== undefined,
  });
  const isThere = name === undefined || found.data !== undefined;
  return (
    <>
      <BackLink to={paths.routes()} text={t("back")} />
      <PageHeader
        title={name ?? t("newTitle")}
        description={found.data?.source === "config" ? t("operators") : t("description")}
      />
      {found.error && !found.data ? (
        <ProblemNote problem={found.error} onRetry={() => void found.refetch()} />
      ) : isThere && places ? (
        // A version that is put back begins the form anew.
        <Editor key={`${name} ${found.data?.version}`} {...{ name, places, route: found.data }} />
      ) : (
        <Loading />
      )}
    </>
  );
}

function Editor({
  name,
  route,
  places,
}: {
  readonly name: string | undefined;
  readonly route: Route | undefined;
  readonly places: readonly Place[];
}) {
  const t = useRouteTexts();
  const can = useCan();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [draft, setDraft] = useState<RouteDraft>(() =>
    route
      ? toDraft(toSettings(route))
      : {
          kept: undefined,
          strategy: "fallback",
          hedge: "",
          embedding: "",
          targets: [newTarget(places[0]?.place ?? "")],
        },
  );
  const isOwn = route?.source !== "config";
  const save = async (values: FormValues) => {
    const to = name ?? values["name"] ?? "";
    const version = route && isOwn ? { header: { "If-Match": `"${route.version}"` } } : {};
    const put = await putRoute({ path: { name: to }, ...version, body: toBody(draft) });
    cache.setQueryData(["route", to], put);
    for (const queryKey of [["list", "routes"], ["routes"], ["route-versions", to]]) {
      await cache.invalidateQueries({ queryKey });
    }
    toast(t("saved", { name: to }));
    if (name === undefined) void navigate({ to: paths.route(), search: { name: to } } as never);
  };
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Card className="p-5">
        <Form onSend={save}>
          {name === undefined && (
            <TextField name="name" label={t("name")} hint={t("nameHint")} required maxLength={200} autoComplete="off" />
          )}
          <div className="grid gap-4 sm:grid-cols-2">
            <SelectField
              name="strategy"
              label={t("strategy")}
              options={strategies.map((one) => [one, t(`strategy.${one}`)] as const)}
              value={draft.strategy}
              onChange={(event) => setDraft({ ...draft, strategy: event.target.value as RouteDraft["strategy"] })}
            />
            <TextField
              {...{ name: "hedge", type: "number", min: 50, max: 99, isOptional: true }}
              label={t("hedge")}
              hint={t("hedgeHint")}
              value={draft.hedge}
              onChange={(event) => setDraft({ ...draft, hedge: event.target.value })}
            />
          </div>
          {(draft.embedding !== "" || draft.targets.some(({ examples }) => examples.trim() !== "")) && (
            <TextField
              name="embedding"
              label={t("embedding")}
              hint={t("embeddingHint")}
              autoComplete="off"
              value={draft.embedding}
              onChange={(event) => setDraft({ ...draft, embedding: event.target.value })}
            />
          )}
          <Targets {...{ draft, places, onChange: (targets) => setDraft({ ...draft, targets }) }} />
          {can("provider:create") && (
            <div className="flex justify-end">
              <SaveButton text={name === undefined || !isOwn ? t("create") : t("save")} />
            </div>
          )}
        </Form>
      </Card>
      <div className="space-y-6">
        <Card className="p-5">
          <h2 className="mb-3 font-semibold">{t("flow")}</h2>
          <Flow draft={draft} places={new Set(places.map(({ place }) => place))} />
        </Card>
        {can("billing:audit") && <Trial {...{ name: name ?? "new", draft }} />}
        {route && isOwn && <History route={route} />}
      </div>
    </div>
  );
}

function SaveButton({ text }: { readonly text: string }) {
  return (
    <Button type="submit" look="primary" isBusy={useFormIsBusy()}>
      {text}
    </Button>
  );
}

function Targets({
  draft,
  places,
  onChange,
}: {
  readonly draft: RouteDraft;
  readonly places: readonly Place[];
  readonly onChange: (targets: readonly TargetDraft[]) => void;
}) {
  const t = useRouteTexts();
  const { targets, strategy } = draft;
  const move = (at: number, by: -1 | 1) => {
    const moved = [...targets];
    const [target] = moved.splice(at, 1);
    if (target) moved.splice(at + by, 0, target);
    onChange(moved);
  };
  const isUsed = ({ place }: Place) => targets.some((target) => target.place === place);
  const add = () => onChange([...targets, newTarget((places.find((one) => !isUsed(one)) ?? places[0])?.place ?? "")]);
  return (
    <div className="space-y-3">
      <h2 className="text-[13px] font-medium">{t("targets")}</h2>
      {targets.map((target, at) => (
        <TargetFields
          key={target.id}
          {...{ target, number: at + 1, count: targets.length, strategy, places }}
          onChange={(change) => onChange(targets.map((one) => (one === target ? { ...one, ...change } : one)))}
          onMove={(by) => move(at, by)}
          onRemove={() => onChange(targets.filter((one) => one !== target))}
        />
      ))}
      <Button size="small" onClick={add}>
        <Plus aria-hidden className="size-3.5" />
        {t("addTarget")}
      </Button>
    </div>
  );
}

/** Tries the route as it stands in the form on calls that were recorded. */
function Trial({ name, draft }: { readonly name: string; readonly draft: RouteDraft }) {
  const t = useRouteTexts();
  const [run, setRun] = useState<DryRunRouteResponse>();
  const [isBusy, setBusy] = useState(false);
  const tryOut = async () => {
    setBusy(true);
    try {
      setRun(await dryRunRoute({ path: { name }, body: { ...toBody(draft), calls: 1_000 } }));
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card className="p-5">
      <div className="mb-3 flex flex-wrap items-start justify-between gap-3">
        <div>
          <h2 className="font-semibold">{t("dryRunTitle")}</h2>
          <p className="mt-0.5 text-[13px] text-ink-soft">{t("dryRunHint")}</p>
        </div>
        <Button size="small" isBusy={isBusy} onClick={tryOut}>
          {!isBusy && <FlaskConical aria-hidden className="size-3.5" />}
          {t("dryRun")}
        </Button>
      </div>
      <div aria-live="polite">{run && <DryRun run={run} />}</div>
    </Card>
  );
}
