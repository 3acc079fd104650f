import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { confirmTotp, enrolTotp } from "../../api/gen/client.ts";
import { personQuery } from "../../app/session.ts";
import { CopyLine } from "../../ui/copy-line.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { toQrPath } from "./qr.ts";
import { useSettingsTexts } from "./texts.ts";

/** An authenticator app: its secret as a picture and as text, then its first code. */
export function AddApp({
  onClose,
  onAdded,
}: {
  readonly onClose: () => void;
  readonly onAdded: (codes: readonly string[]) => Promise<void>;
}) {
  const t = useSettingsTexts();
  const { data: person } = useQuery(personQuery);
  const { data, error } = useQuery({
    queryKey: ["totp", "new"],
    queryFn: () => enrolTotp({ body: { account_name: person?.email } }),
    enabled: person !== undefined,
    // Each time it is asked, it is another secret.
    ...{ staleTime: Number.POSITIVE_INFINITY, gcTime: 0, retry: false, refetchOnWindowFocus: false },
  });
  const send = async ({ code = "" }: FormValues) => {
    const { recovery_codes } = await confirmTotp({
      path: { id: data?.id ?? "" },
      body: { code: code.replaceAll(/\s/g, "") },
    });
    await onAdded(recovery_codes);
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("appTitle")} description={t("appHint")} closesOutside={false}>
      {error ? (
        <ProblemNote problem={error} />
      ) : !data ? (
        <Loading />
      ) : (
        <Form onSend={send}>
          <Qr text={data.uri} label={t("qrLabel")} />
          <CopyLine name={t("secret")} text={data.secret} />
          <TextField
            name="code"
            label={t("firstCode")}
            hint={t("firstCodeHint")}
            required
            autoFocus
            inputMode="numeric"
            autoComplete="one-time-code"
          />
          <FormButtons act={t("confirmApp")} onClose={onClose} />
        </Form>
      )}
    </Dialog>
  );
}

/** Dark on light in both themes: many readers know no other. */
function Qr({ text, label }: { readonly text: string; readonly label: string }) {
  const { path, size } = useMemo(() => toQrPath(text), [text]);
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`-4 -4 ${size + 8} ${size + 8}`}
      className="mx-auto block size-48 rounded-lg border border-line"
      shapeRendering="crispEdges"
    >
      <rect x={-4} y={-4} width={size + 8} height={size + 8} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  );
}
