import { useRoles } from "../../app/people/use-roles.ts";
import { CheckField } from "../../ui/check-field.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Section } from "../../ui/section.tsx";
import { useOrganisationTexts } from "./texts.ts";
import { type Tenant, useChangeTenant } from "./use-change-tenant.ts";

const methods = ["password", "passkey", "sso"] as const;

/** How people sign in, how long that lasts, and what newcomers are. */
export function SignInRules({ tenant }: { readonly tenant: Tenant }) {
  const t = useOrganisationTexts();
  const { options } = useRoles();
  const change = useChangeTenant(tenant);
  const { settings } = tenant;
  const isAllowed = (method: (typeof methods)[number]) =>
    settings.sign_in_methods.length === 0 || settings.sign_in_methods.includes(method);
  const send = (values: FormValues) => {
    const chosen = methods.filter((method) => values[method] !== undefined);
    return change({
      settings: {
        require_mfa: values["require_mfa"] !== undefined,
        // All of them is what the API calls none in particular: a new kind counts, too.
        sign_in_methods: chosen.length === methods.length ? [] : chosen,
        session_idle_minutes: Number(values["session_idle_minutes"] ?? 0),
        session_lifetime_hours: Number(values["session_lifetime_hours"] ?? 0),
        default_role: values["default_role"],
      },
    });
  };
  // Newcomers are never more than members, whatever the tenant has chosen.
  const roles = options.filter(([name]) => name !== "owner" && name !== "admin");
  const limit = { type: "number", inputMode: "numeric", min: 0 } as const;
  return (
    <Section title={t("rules")} hint={t("rulesHint")}>
      <Form onSend={send}>
        <CheckField
          name="require_mfa"
          label={t("requireMfa")}
          hint={t("requireMfaHint")}
          defaultChecked={settings.require_mfa}
        />
        <fieldset className="space-y-2">
          <legend className="mb-1.5 text-[13px] font-medium">{t("methods")}</legend>
          {methods.map((method) => (
            <CheckField key={method} name={method} label={t(method)} defaultChecked={isAllowed(method)} />
          ))}
        </fieldset>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            {...limit}
            {...{ name: "session_idle_minutes", label: t("idle"), hint: t("limitHint"), max: 43_200 }}
            defaultValue={settings.session_idle_minutes}
          />
          <TextField
            {...limit}
            {...{ name: "session_lifetime_hours", label: t("lifetime"), hint: t("limitHint"), max: 2_160 }}
            defaultValue={settings.session_lifetime_hours}
          />
        </div>
        <SelectField
          {...{ name: "default_role", label: t("defaultRole"), hint: t("defaultRoleHint"), options: roles }}
          key={roles.length}
          defaultValue={settings.default_role}
        />
        <FormButtons act={t("saveRules")} />
      </Form>
    </Section>
  );
}
