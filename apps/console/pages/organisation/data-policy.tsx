import { useQuery, useQueryClient } from "@tanstack/react-query";
import {
  type GetDataPolicyResponse,
  getDataPolicy,
  type SetDataPolicyBody,
  setDataPolicy,
} from "../../api/gen/client.ts";
import { useNames } from "../../app/people/use-names.ts";
import { CheckField } from "../../ui/check-field.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Fact, Facts, Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { Quantity, Time } from "../../ui/values.tsx";
import { useOrganisationTexts } from "./texts.ts";

type Policy = GetDataPolicyResponse;

const kinds = ["email", "phone", "card", "secret"] as const;

/** What is kept of the tenant's calls, and for how long. */
export function DataPolicy({ mayChange }: { readonly mayChange: boolean }) {
  const t = useOrganisationTexts();
  const nameOf = useNames([]);
  const { data, error, refetch } = useQuery({
    queryKey: ["data-policy"],
    queryFn: ({ signal }) => getDataPolicy({ path: { id: "me" } }, { signal }),
  });
  const changed = data?.changed_at && (
    <>
      {" "}
      {t("policyBy", { name: nameOf(data.changed_by) })} <Time at={data.changed_at} />
    </>
  );
  return (
    <Section
      title={t("policy")}
      hint={
        <>
          {t("policyHint")}
          {changed}
        </>
      }
    >
      {error && !data ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading />
      ) : mayChange ? (
        <Fields key={data.version} policy={data} />
      ) : (
        <Shown policy={data} />
      )}
    </Section>
  );
}

function Shown({ policy }: { readonly policy: Policy }) {
  const t = useOrganisationTexts();
  return (
    <Facts>
      <Fact name={t("retention")}>
        <Quantity value={policy.retention_days} />
      </Fact>
      <Fact name={t("storeBodies")}>{t(policy.store_bodies ? "yes" : "no")}</Fact>
      <Fact name={t("redact")}>{policy.redact.map((kind) => t(`redact.${kind}`)).join(", ") || t("nothing")}</Fact>
    </Facts>
  );
}

function Fields({ policy }: { readonly policy: Policy }) {
  const t = useOrganisationTexts();
  const cache = useQueryClient();
  const send = async (values: FormValues) => {
    const body: SetDataPolicyBody = {
      retention_days: Number(values["retention_days"]),
      store_bodies: values["store_bodies"] !== undefined,
      redact: kinds.filter((kind) => values[`redact_${kind}`] !== undefined),
    };
    const header = { "If-Match": `"${policy.version}"` };
    cache.setQueryData(["data-policy"], await setDataPolicy({ path: { id: "me" }, header, body }));
    toast(t("saved"));
  };
  return (
    <Form onSend={send}>
      <TextField
        {...{ name: "retention_days", label: t("retention"), hint: t("retentionHint") }}
        {...{ type: "number", inputMode: "numeric", min: 1, max: 3_650 }}
        defaultValue={policy.retention_days}
        required
      />
      <CheckField
        name="store_bodies"
        label={t("storeBodies")}
        hint={t("storeBodiesHint")}
        defaultChecked={policy.store_bodies}
      />
      <fieldset className="space-y-2">
        <legend className="mb-1.5 text-[13px] font-medium">{t("redact")}</legend>
        {kinds.map((kind) => (
          <CheckField
            key={kind}
            name={`redact_${kind}`}
            label={t(`redact.${kind}`)}
            defaultChecked={policy.redact.includes(kind)}
          />
        ))}
      </fieldset>
      <FormButtons act={t("savePolicy")} />
    </Form>
  );
}
