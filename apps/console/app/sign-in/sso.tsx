import { useEffect, useRef, useState } from "react";
import { type DiscoverSsoConnectionsResponse, discoverSsoConnections, exchangeSsoCode } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { paths } from "../paths.ts";
import { useSearchState } from "../search.ts";
import { type Challenge, Submit } from "./parts.tsx";
import { useSignInTexts } from "./texts.ts";

type Option = DiscoverSsoConnectionsResponse["data"][number];

const quiet = { keepsSession: false };
/** Of the sign-in under way (RFC 7636): good for this tab alone. */
const verifierName = "lyss.sso-verifier";

/** Finds the identity provider of a person's organisation, goes there, and takes over what comes back. */
export function Sso({
  enter,
  go,
  back,
}: {
  readonly enter: (refreshToken: string) => Promise<void>;
  readonly go: (challenge: Challenge) => void;
  readonly back: () => void;
}) {
  const t = useSignInTexts();
  const [search] = useSearchState();
  const [options, setOptions] = useState<readonly Option[]>();
  const find = async ({ email = "" }: FormValues) => {
    const { data } = await discoverSsoConnections({ body: { email } }, quiet);
    const [only, ...others] = data;
    if (only && others.length === 0) await leaveFor(only, search["next"]);
    else setOptions(data);
  };
  if (search["code"]) return <Return code={search["code"]} {...{ enter, go, back }} />;
  return (
    <>
      <Form onSend={find} className="mb-2">
        <p className="text-ink-soft">{t("ssoHint")}</p>
        <TextField name="email" type="email" label={t("email")} required autoFocus autoComplete="username" />
        {options?.length === 0 && (
          <p role="alert" className="text-[13px] text-bad">
            {t("ssoNone")}
          </p>
        )}
        <Submit text={t("continue")} />
        {options?.map((option) => (
          <Button key={option.connection_id} className="w-full" onClick={() => void leaveFor(option, search["next"])}>
            {t("with", { name: option.name })}
          </Button>
        ))}
      </Form>
      <Button look="ghost" className="w-full" onClick={back}>
        {t("back")}
      </Button>
    </>
  );
}

function Return({
  code,
  enter,
  go,
  back,
}: Parameters<typeof Sso>[0] & {
  readonly code: string;
}) {
  const t = useSignInTexts();
  const [problem, setProblem] = useState<unknown>();
  const isTraded = useRef(false);
  useEffect(() => {
    // A code counts once, and React runs effects twice while it is developed.
    if (isTraded.current) return;
    isTraded.current = true;
    const code_verifier = sessionStorage.getItem(verifierName) ?? "";
    sessionStorage.removeItem(verifierName);
    exchangeSsoCode({ body: { code, code_verifier } }, quiet)
      .then((given) =>
        "refresh_token" in given
          ? enter(given.refresh_token)
          : go({ token: given.challenge_token, factors: given.factors }),
      )
      .catch(setProblem);
  }, [code, enter, go]);
  if (problem === undefined) return <Loading />;
  return (
    <div className="space-y-3">
      <ProblemNote problem={problem} />
      <Button className="w-full" onClick={back}>
        {t("back")}
      </Button>
    </div>
  );
}

async function leaveFor({ start_url }: Option, next: string | undefined): Promise<void> {
  const verifier = toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.setItem(verifierName, verifier);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const address = new URL(start_url);
  address.searchParams.set("return_to", `${paths.signIn()}${next ? `?${new URLSearchParams({ next })}` : ""}`);
  address.searchParams.set("code_challenge", toBase64Url(new Uint8Array(digest)));
  location.assign(address);
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
