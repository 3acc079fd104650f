import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ScrollText } from "lucide-react";
import { useState } from "react";
import { getTenant, reactivateTenant, suspendTenant, updateTenant } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useSearchState } from "../../app/search.ts";
import { useCan } from "../../app/session.ts";
import { type Tenant, TenantStatus } from "../../app/tenants/tenant-status.tsx";
import { useTenantTexts } from "../../app/tenants/texts.ts";
import { BackLink } from "../../ui/back-link.tsx";
import { Button, buttonClass } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Form, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { ReasonDialog } from "../../ui/reason-dialog.tsx";
import { Fact, Facts, Section } from "../../ui/section.tsx";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { Time } from "../../ui/values.tsx";
import { Money } from "./money.tsx";
import { People } from "./people.tsx";

type Change = (work: () => Promise<Tenant>, said: string) => Promise<void>;

/** One organisation: who belongs to it, what it was given, and whether it may work. */
export function Page() {
  const t = useTenantTexts();
  const cache = useQueryClient();
  const { id = "" } = useParams({ strict: false }) as { readonly id?: string };
  const queryKey = ["tenant", id];
  const { data, error, refetch } = useQuery({
    queryKey,
    queryFn: ({ signal }) => getTenant({ path: { id } }, { signal }),
  });
  const change: Change = async (work, said) => {
    cache.setQueryData(queryKey, await work());
    await cache.invalidateQueries({ queryKey: ["list", "tenants"] });
    toast(said);
  };
  return (
    <>
      <BackLink to={paths.tenants()} text={t("back")} />
      <PageHeader
        title={data?.name ?? t("organisation")}
        description={data && <TenantStatus status={data.status} />}
        actions={data && <Acts tenant={data} change={change} />}
      />
      {error && !data ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading />
      ) : (
        <div className="grid grid-cols-1 gap-6">
          <Known tenant={data} />
          <Parts tenant={data} change={change} />
        </div>
      )}
    </>
  );
}

/** One at a time: filters and pages of the one are nothing to the other. */
function Parts({ tenant, change }: { readonly tenant: Tenant; readonly change: Change }) {
  const t = useTenantTexts();
  const can = useCan();
  const navigate = useNavigate();
  const [{ view }] = useSearchState();
  const parts = [
    ...(can("platform:users") ? (["people"] as const) : []),
    ...(can("platform:billing") ? (["money"] as const) : []),
    "settings" as const,
  ];
  const shown = parts.find((one) => one === view) ?? parts[0] ?? "settings";
  return (
    <div>
      <div className="mb-4 flex">
        <Choice
          label={t("parts")}
          value={shown}
          options={parts.map((one) => [one, t(one)] as const)}
          onChange={(next) => void navigate({ to: ".", search: next === parts[0] ? {} : { view: next } } as never)}
        />
      </div>
      {shown === "people" && <People tenant={tenant} />}
      {shown === "money" && <Money tenant={tenant} />}
      {shown === "settings" && <Settings key={tenant.version} tenant={tenant} change={change} />}
    </div>
  );
}

function Acts({ tenant, change }: { readonly tenant: Tenant; readonly change: Change }) {
  const t = useTenantTexts();
  const can = useCan();
  const [isOpen, setOpen] = useState(false);
  const { id, name, status, version } = tenant;
  const header = { "If-Match": `"${version}"` };
  const reactivate = () =>
    change(() => reactivateTenant({ path: { id }, header }), t("wasReactivated", { name })).catch(toastProblem);
  return (
    <>
      {can("platform:audit") && (
        <Link to={"/audit" as never} search={{ view: "all", tenant_id: id } as never} className={buttonClass()}>
          <ScrollText aria-hidden className="size-4" />
          {t("audit")}
        </Link>
      )}
      {status === "active" && <Button onClick={() => setOpen(true)}>{t("suspend")}</Button>}
      {status === "suspended" && <Button onClick={() => void reactivate()}>{t("reactivate")}</Button>}
      {isOpen && (
        <ReasonDialog
          title={t("suspendTitle", { name })}
          losses={[t("suspendLoss1"), t("suspendLoss2"), t("suspendLoss3")]}
          act={t("suspend")}
          reasonHint={t("reasonHint")}
          onClose={() => setOpen(false)}
          onSend={(reason) =>
            change(() => suspendTenant({ path: { id }, header, body: { reason } }), t("wasSuspended", { name }))
          }
        />
      )}
    </>
  );
}

function Known({ tenant }: { readonly tenant: Tenant }) {
  const t = useTenantTexts();
  const { id, slug, plan, created_at, suspended_reason } = tenant;
  return (
    <Section title={t("overview")}>
      <Facts>
        <Fact name={t("slug")}>{slug}</Fact>
        <Fact name={t("plan")}>{plan}</Fact>
        <Fact name={t("created")}>
          <Time at={created_at} />
        </Fact>
        <Fact name={t("id")}>
          <span className="flex items-center gap-1">
            <code className="font-mono text-[13px]">{id}</code>
            <CopyButton text={id} />
          </span>
        </Fact>
        {suspended_reason !== null && <Fact name={t("why")}>{suspended_reason}</Fact>}
      </Facts>
    </Section>
  );
}

function Settings({ tenant, change }: { readonly tenant: Tenant; readonly change: Change }) {
  const t = useTenantTexts();
  const { id, name, plan, version } = tenant;
  const header = { "If-Match": `"${version}"` };
  return (
    <Section title={t("settings")}>
      <Form onSend={(body) => change(() => updateTenant({ path: { id }, header, body }), t("saved"))}>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField name="name" label={t("name")} defaultValue={name} required maxLength={100} autoComplete="off" />
          <TextField
            {...{ name: "plan", label: t("plan"), hint: t("planHint"), maxLength: 32, autoComplete: "off" }}
            defaultValue={plan}
            required
          />
        </div>
        <FormButtons act={t("save")} />
      </Form>
    </Section>
  );
}
