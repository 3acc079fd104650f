import { useQuery } from "@tanstack/react-query";
import { tenantQuery, useCan } from "../../app/session.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Fact, Facts, Section } from "../../ui/section.tsx";
import { Time } from "../../ui/values.tsx";
import { DataPolicy } from "./data-policy.tsx";
import { Domains } from "./domains.tsx";
import { SignInRules } from "./sign-in-rules.tsx";
import { TenantName } from "./tenant-name.tsx";
import { useOrganisationTexts } from "./texts.ts";

/** The tenant: its name, its domains, how its people sign in, and what is kept of its calls. */
export function Page() {
  const t = useOrganisationTexts();
  const mayChange = useCan()("tenant:update");
  const { data: tenant, error, refetch } = useQuery(tenantQuery);
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      {error && !tenant ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : !tenant ? (
        <Loading />
      ) : (
        <div className="grid max-w-3xl gap-5">
          <Section title={t("facts")}>
            <Facts>
              <Fact name={t("name")}>{tenant.name}</Fact>
              <Fact name={t("plan")}>{tenant.plan}</Fact>
              <Fact name={t("since")}>
                <Time at={tenant.created_at} />
              </Fact>
              <Fact name={t("id")}>
                <span className="flex items-center gap-1">
                  <code className="font-mono text-[13px]">{tenant.id}</code>
                  <CopyButton text={tenant.id} />
                </span>
              </Fact>
            </Facts>
          </Section>
          {mayChange && <TenantName key={`name ${tenant.version}`} tenant={tenant} />}
          <Domains mayChange={mayChange} />
          {mayChange && <SignInRules key={tenant.version} tenant={tenant} />}
          <DataPolicy mayChange={mayChange} />
        </div>
      )}
    </>
  );
}
