import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeEmail, changePassword } from "../../api/gen/client.ts";
import { personQuery } from "../../app/session.ts";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { useSettingsTexts } from "./texts.ts";

/** Another password; one's other sessions end. */
export function Password() {
  const t = useSettingsTexts();
  const cache = useQueryClient();
  const [times, setTimes] = useState(0);
  const send = async ({ old_password = "", password = "" }: FormValues) => {
    await changePassword({ path: { id: "me" }, body: { old_password, password } });
    await cache.invalidateQueries({ queryKey: ["sessions"] });
    setTimes(times + 1);
    toast(t("passwordChanged"));
  };
  return (
    <Section title={t("password")} hint={t("passwordHint")}>
      {/* Begun anew, so that no password stays in it. */}
      <Form key={times} onSend={send}>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            {...{ name: "old_password", label: t("oldPassword"), type: "password", autoComplete: "current-password" }}
            required
          />
          <TextField
            {...{ name: "password", label: t("newPassword"), type: "password", autoComplete: "new-password" }}
            required
            hint={t("newPasswordHint")}
          />
        </div>
        <FormButtons act={t("changePassword")} />
      </Form>
    </Section>
  );
}

/** Another address: it counts once its link was opened. */
export function Email() {
  const t = useSettingsTexts();
  const { data: person } = useQuery(personQuery);
  const [times, setTimes] = useState(0);
  const send = async ({ email = "", password = "" }: FormValues) => {
    await changeEmail({ path: { id: "me" }, body: { email, password } });
    setTimes(times + 1);
    toast(t("emailSent", { email }));
  };
  return (
    <Section title={t("email")} hint={person && t("emailHint", { email: person.email })}>
      <Form key={times} onSend={send}>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField name="email" label={t("newEmail")} type="email" required autoComplete="email" />
          <TextField
            {...{ name: "password", label: t("yourPassword"), type: "password", autoComplete: "current-password" }}
            required
          />
        </div>
        <FormButtons act={t("changeEmail")} />
      </Form>
    </Section>
  );
}
