import { useState } from "react";
import { requestPasswordReset } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { Submit } from "./parts.tsx";
import { useSignInTexts } from "./texts.ts";

/** Asks for a mail with a link. Nobody learns whether an address has an account. */
export function Forgot({ back }: { readonly back: () => void }) {
  const t = useSignInTexts();
  const [isSent, setSent] = useState(false);
  const send = async ({ email = "" }: FormValues) => {
    await requestPasswordReset({ body: { email } }, { keepsSession: false });
    setSent(true);
  };
  return (
    <>
      {isSent ? (
        <p role="status" className="mb-4 text-ink-soft">
          {t("forgotSent")}
        </p>
      ) : (
        <Form onSend={send} className="mb-2">
          <p className="text-ink-soft">{t("forgotHint")}</p>
          <TextField name="email" type="email" label={t("email")} required autoFocus autoComplete="username" />
          <Submit text={t("forgotSend")} />
        </Form>
      )}
      <Button look="ghost" className="w-full" onClick={back}>
        {t("back")}
      </Button>
    </>
  );
}
