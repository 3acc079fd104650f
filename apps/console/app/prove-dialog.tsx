import { useQuery } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { useEffect, useState } from "react";
import { listFactors, type StepUpBody, startStepUp, stepUp, stepUpByPassword } from "../api/gen/client.ts";
import { whenProofIsAsked } from "../api/prove-again.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Form, type FormValues, TextField, useFormIsBusy } from "../ui/form.tsx";
import { toastProblem } from "../ui/toast.tsx";
import { answerWithPasskey, hasPasskeys, isWithdrawn } from "./passkey.ts";
import { useAppTexts } from "./texts.ts";

type Settle = (isProven: boolean) => void;

/** Asks for a fresh proof where the API wants one; what was refused for want of it goes on by itself. */
export function ProveAgain() {
  const t = useAppTexts();
  const [settle, setSettle] = useState<Settle>();
  useEffect(() => {
    whenProofIsAsked(() => new Promise<boolean>((resolve) => setSettle(() => resolve)));
  }, []);
  const end = (isProven: boolean) => {
    settle?.(isProven);
    setSettle(undefined);
  };
  return (
    <Dialog
      isOpen={settle !== undefined}
      onClose={() => end(false)}
      title={t("proveTitle")}
      description={t("proveHint")}
    >
      <Proof onProven={() => end(true)} />
    </Dialog>
  );
}

function Proof({ onProven }: { readonly onProven: () => void }) {
  const t = useAppTexts();
  const { data: factors } = useQuery({ queryKey: ["factors"], queryFn: ({ signal }) => listFactors({}, { signal }) });
  if (!factors) return null;
  const hasFactor = factors.data.length > 0;
  const hasPasskey = hasPasskeys && factors.data.some(({ kind }) => kind === "passkey");
  const send = async ({ password = "", code = "" }: FormValues) => {
    if (hasFactor) await stepUp({ body: toCodeProof(code) });
    else await stepUpByPassword({ body: { password } });
    onProven();
  };
  const byPasskey = async () => {
    try {
      const response = await answerWithPasskey<Extract<StepUpBody, { method: "passkey" }>["response"]>(
        await startStepUp({}),
      );
      await stepUp({ body: { method: "passkey", response } });
      onProven();
    } catch (err) {
      if (!isWithdrawn(err)) toastProblem(err);
    }
  };
  return (
    <Form onSend={send}>
      {hasFactor ? (
        <TextField name="code" label={t("proveCode")} required autoFocus autoComplete="one-time-code" />
      ) : (
        <TextField
          name="password"
          label={t("password")}
          type="password"
          required
          autoFocus
          autoComplete="current-password"
        />
      )}
      <div className="flex justify-end gap-2">
        {hasPasskey && (
          <Button onClick={byPasskey}>
            <KeyRound aria-hidden className="size-4" />
            {t("proveByPasskey")}
          </Button>
        )}
        <Send text={t("prove")} />
      </div>
    </Form>
  );
}

function Send({ text }: { readonly text: string }) {
  return (
    <Button type="submit" look="primary" isBusy={useFormIsBusy()}>
      {text}
    </Button>
  );
}

/** Six digits are the app's; everything else is a recovery code. */
export function toCodeProof(code: string): { readonly method: "totp" | "recovery_code"; readonly code: string } {
  return { method: /^\d{6}$/.test(code) ? "totp" : "recovery_code", code };
}
