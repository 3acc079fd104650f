import { CircleAlert, CircleCheck, CircleX } from "lucide-react";
import { useState } from "react";
import { type TestSsoConnectionResponse, testSsoConnection } from "../../api/gen/client.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { Button } from "../../ui/button.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { useConnectionTexts } from "./texts.ts";
import { useChange } from "./use-change.ts";

const marks = {
  ok: <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />,
  warning: <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-warn" />,
  failed: <CircleX aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />,
} as const;

/** Asks the provider what it says of itself, before people depend on it; then puts it into use. */
export function TryOut({ connection }: { readonly connection: Connection }) {
  const t = useConnectionTexts();
  const change = useChange(connection);
  const [found, setFound] = useState<TestSsoConnectionResponse>();
  const [busy, setBusy] = useState<"test" | "enable">();
  const [problem, setProblem] = useState<unknown>();
  const run = async (what: "test" | "enable", act: () => Promise<unknown>) => {
    setBusy(what);
    setProblem(undefined);
    try {
      await act();
    } catch (err) {
      setProblem(err);
    } finally {
      setBusy(undefined);
    }
  };
  const test = () => run("test", async () => setFound(await testSsoConnection({ path: { id: connection.id } })));
  const enable = () => run("enable", () => change({ enabled: true }, t("wasEnabled", { name: connection.name })));
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button isBusy={busy === "test"} onClick={test}>
          {t("test")}
        </Button>
        {!connection.enabled && (
          <Button look={found?.works ? "primary" : "secondary"} isBusy={busy === "enable"} onClick={enable}>
            {t("enable")}
          </Button>
        )}
      </div>
      {problem !== undefined && <ProblemNote problem={problem} />}
      {found && (
        <div role="status" className="rounded-lg border border-line p-4">
          <p className="font-medium">{t(found.works ? "works" : "worksNot")}</p>
          <ul className="mt-2 grid gap-2">
            {found.findings.map(({ check, result, message }) => (
              <li key={`${check} ${message}`} className="flex items-start gap-2 text-[13px]">
                {marks[result]}
                <span className="min-w-0 wrap-anywhere">
                  <span className="sr-only">{t(`result.${result}`)}: </span>
                  {message}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
