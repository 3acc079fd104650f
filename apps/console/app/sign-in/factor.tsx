import { KeyRound } from "lucide-react";
import { challengeOptions, verifyChallenge } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { toastProblem } from "../../ui/toast.tsx";
import { answerWithPasskey, hasPasskeys, isWithdrawn } from "../passkey.ts";
import { toCodeProof } from "../prove-dialog.tsx";
import { type Challenge, Submit } from "./parts.tsx";
import { useSignInTexts } from "./texts.ts";

const quiet = { keepsSession: false };

/** The second factor: a code of an app, a recovery code, or a passkey. */
export function Factor({
  challenge,
  enter,
  back,
}: {
  readonly challenge: Challenge;
  readonly enter: (refreshToken: string) => Promise<void>;
  readonly back: () => void;
}) {
  const t = useSignInTexts();
  const challenge_token = challenge.token;
  const send = async ({ code = "" }: FormValues) => {
    const { refresh_token } = await verifyChallenge({ body: { challenge_token, ...toCodeProof(code) } }, quiet);
    await enter(refresh_token);
  };
  const byPasskey = async () => {
    try {
      const question = await challengeOptions({ body: { challenge_token } }, quiet);
      const body = { challenge_token, method: "passkey" as const, response: await answerWithPasskey<never>(question) };
      await enter((await verifyChallenge({ body }, quiet)).refresh_token);
    } catch (err) {
      if (!isWithdrawn(err)) toastProblem(err);
    }
  };
  return (
    <Form onSend={send}>
      <p className="text-ink-soft">{t("factorHint")}</p>
      <TextField name="code" label={t("code")} required autoFocus autoComplete="one-time-code" />
      <Submit text={t("verify")} />
      {hasPasskeys && challenge.factors.includes("passkey") && (
        <Button className="w-full" onClick={byPasskey}>
          <KeyRound aria-hidden className="size-4" />
          {t("passkeyFactor")}
        </Button>
      )}
      <Button look="ghost" className="w-full" onClick={back}>
        {t("back")}
      </Button>
    </Form>
  );
}
