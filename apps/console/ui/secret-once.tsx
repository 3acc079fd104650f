import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { useUiTexts } from "./texts.ts";

/** A secret, shown this once, and what else is told with it. */
export function SecretOnce({
  secret,
  onClose,
  children,
}: {
  /** Absent where there is none: what signs with keys of its own. */
  readonly secret?: string;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}) {
  const t = useUiTexts();
  return (
    <>
      {secret !== undefined && (
        <>
          <p className="text-ink-soft">{t("secretHint")}</p>
          <p className="mt-3 flex items-center gap-2 rounded-lg border border-line bg-sunken py-1 pr-1 pl-3">
            <code className="min-w-0 flex-1 font-mono text-[13px] wrap-anywhere" data-testid="secret">
              {secret}
            </code>
            <CopyButton text={secret} />
          </p>
        </>
      )}
      {children}
      <div className="mt-5 flex justify-end">
        <Button look="primary" onClick={onClose}>
          {t("secretKept")}
        </Button>
      </div>
    </>
  );
}
