import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { listDomains } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { useCan } from "../../app/session.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { useSsoParts } from "../../app/sso/texts.ts";
import { CheckField } from "../../ui/check-field.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Badge } from "../../ui/page-parts.tsx";
import { Section } from "../../ui/section.tsx";
import { splitList } from "../../ui/split-list.ts";
import { useConnectionTexts } from "./texts.ts";
import { useChange } from "./use-change.ts";

/** Who signs in by it, who must, and what newcomers are. */
export function Rules({ connection }: { readonly connection: Connection }) {
  const t = useConnectionTexts();
  const parts = useSsoParts();
  const { options } = useRoles();
  const change = useChange(connection);
  const send = (values: FormValues) =>
    change(
      {
        domains: splitList(values["domains"]),
        enforced: values["enforced"] !== undefined,
        create_people: values["create_people"] !== undefined,
        default_role: values["default_role"] ?? null,
        allowed_domains: splitList(values["allowed_domains"]),
      },
      t("wasSaved"),
    );
  const roles = options.filter(([name]) => name !== "owner");
  return (
    <Section title={t("rules")} hint={t("rulesHint")}>
      <Form onSend={send}>
        <div>
          <TextField
            {...{ name: "domains", label: parts("domains"), hint: parts("domainsHint"), placeholder: "example.com" }}
            isOptional
            autoComplete="off"
            defaultValue={connection.domains.join(", ")}
          />
          <Verified domains={connection.domains} />
        </div>
        <CheckField
          {...{ name: "enforced", label: t("enforce"), hint: t("enforceHint") }}
          defaultChecked={connection.enforced}
        />
        <CheckField
          {...{ name: "create_people", label: parts("createPeople"), hint: parts("createPeopleHint") }}
          defaultChecked={connection.create_people}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            {...{ name: "default_role", label: parts("defaultRole") }}
            options={[["", parts("tenantsRole")], ...roles]}
            key={roles.length}
            defaultValue={connection.default_role ?? ""}
          />
          <TextField
            {...{ name: "allowed_domains", label: t("allowedDomains"), hint: t("allowedDomainsHint") }}
            isOptional
            autoComplete="off"
            defaultValue={connection.allowed_domains.join(", ")}
          />
        </div>
        <FormButtons act={t("saveRules")} />
      </Form>
    </Section>
  );
}

/** Which of the domains people are found by. */
function Verified({ domains }: { readonly domains: readonly string[] }) {
  const t = useConnectionTexts();
  const { data } = useQuery({
    queryKey: ["list", "domains"],
    queryFn: ({ signal }) => listDomains({ path: { id: "me" } }, { signal }),
    enabled: useCan()("tenant:read") && domains.length > 0,
  });
  if (!data || domains.length === 0) return null;
  const verified = new Set(data.data.filter((one) => one.verified).map(({ domain }) => domain));
  return (
    <div className="mt-2 flex flex-wrap items-center gap-2 text-[13px]">
      {domains.map((domain) => (
        <Badge key={domain} tone={verified.has(domain) ? "good" : "warn"}>
          {domain} · {t(verified.has(domain) ? "verified" : "unverified")}
        </Badge>
      ))}
      {domains.some((domain) => !verified.has(domain)) && (
        <Link to={paths.organisation()} className="text-accent-strong underline underline-offset-2">
          {t("verifyThere")}
        </Link>
      )}
    </div>
  );
}
