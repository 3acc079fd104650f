import { useNavigate } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { signIn, signInWithPasskey, startPasskeySignIn } from "../../api/gen/client.ts";
import { Problem } from "../../api/problem.ts";
import { Button } from "../../ui/button.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { toastProblem } from "../../ui/toast.tsx";
import { type Language, languages, setLanguage, useLanguage } from "../language.ts";
import { answerWithPasskey, hasPasskeys, isWithdrawn } from "../passkey.ts";
import { useSearchState } from "../search.ts";
import { beginSession } from "../session.ts";
import { Factor } from "./factor.tsx";
import { Forgot } from "./forgot.tsx";
import { type Challenge, Submit } from "./parts.tsx";
import { Sso } from "./sso.tsx";
import { useSignInTexts } from "./texts.ts";

type Step = "password" | "sso" | "forgot" | Challenge;
const quiet = { keepsSession: false };

/** Password, passkey or single sign-on; then the second factor. */
export function SignIn() {
  const t = useSignInTexts();
  const [search] = useSearchState();
  const [step, setStep] = useState<Step>(search["code"] ? "sso" : "password");
  const navigate = useNavigate();
  const title =
    typeof step === "object"
      ? t("factorTitle")
      : t(({ password: "title", sso: "sso", forgot: "forgotTitle" } as const)[step]);
  useEffect(() => {
    document.title = `${title} · Lyss`;
  }, [title]);

  /** Takes over the tokens of a sign-in that ended well; the next page is one of ours or the first. */
  const enter = async (refreshToken: string) => {
    await beginSession(refreshToken, t("notKept"));
    const next = search["next"] ?? "/";
    await navigate({ href: /^\/(?![/\\])/.test(next) ? next : "/", replace: true });
  };
  const back = () => setStep("password");
  return (
    <Frame title={title}>
      {step === "password" && <Password enter={enter} go={setStep} />}
      {step === "sso" && <Sso enter={enter} go={setStep} back={back} />}
      {step === "forgot" && <Forgot back={back} />}
      {typeof step === "object" && <Factor challenge={step} enter={enter} back={back} />}
    </Frame>
  );
}

interface StepProps {
  readonly enter: (refreshToken: string) => Promise<void>;
  readonly go: (step: Step) => void;
}

function Password({ enter, go }: StepProps) {
  const t = useSignInTexts();
  const send = async ({ email = "", password = "" }: FormValues) => {
    try {
      const tokens = await signIn({ body: { email, password } }, quiet);
      await enter(tokens.refresh_token);
    } catch (err) {
      const token = err instanceof Problem ? err.details["challengeToken"] : undefined;
      if (typeof token !== "string" || !(err instanceof Problem)) throw err;
      go({ token, factors: String(err.details["factors"] ?? "").split(/,\s*/) });
    }
  };
  const byPasskey = async () => {
    try {
      const question = await startPasskeySignIn({}, quiet);
      const { refresh_token } = await signInWithPasskey(
        { body: { response: await answerWithPasskey(question) } },
        quiet,
      );
      await enter(refresh_token);
    } catch (err) {
      if (!isWithdrawn(err)) toastProblem(err);
    }
  };
  return (
    <>
      <Form onSend={send}>
        <TextField name="email" type="email" label={t("email")} required autoFocus autoComplete="username webauthn" />
        <TextField name="password" type="password" label={t("password")} required autoComplete="current-password" />
        <Submit text={t("signIn")} />
      </Form>
      <button
        type="button"
        className="mt-3 text-[13px] text-ink-soft underline-offset-2 hover:underline"
        onClick={() => go("forgot")}
      >
        {t("forgot")}
      </button>
      <div className="my-4 flex items-center gap-3 text-xs text-ink-soft before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        {t("or")}
      </div>
      <div className="space-y-2">
        {hasPasskeys && (
          <Button className="w-full" onClick={byPasskey}>
            <KeyRound aria-hidden className="size-4" />
            {t("byPasskey")}
          </Button>
        )}
        <Button className="w-full" onClick={() => go("sso")}>
          {t("bySso")}
        </Button>
      </div>
      <p className="mt-5 text-xs text-ink-soft">{t("hint")}</p>
    </>
  );
}

function Frame({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const language = useLanguage();
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6 flex items-center gap-2.5">
          <img src="/favicon.svg" alt="" className="size-8" />
          <span className="text-lg font-semibold tracking-tight">Lyss</span>
        </div>
        <div className="rounded-xl border border-line bg-surface p-6 shadow-float">
          <h1 className="mb-5 text-lg font-semibold tracking-tight">{title}</h1>
          {children}
        </div>
        <div className="mt-4 flex justify-center gap-4 text-[13px]">
          {(Object.entries(languages) as [Language, string][]).map(([one, name]) => (
            <button
              key={one}
              type="button"
              lang={one}
              aria-pressed={one === language}
              className="text-ink-soft underline-offset-4 hover:underline aria-pressed:font-medium aria-pressed:text-ink"
              onClick={() => void setLanguage(one)}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
    </main>
  );
}
