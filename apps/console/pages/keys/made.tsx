import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { useKeyTexts } from "./texts.ts";

/** A secret, shown this once. */
export function Made({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) {
  const t = useKeyTexts();
  return (
    <>
      <p className="text-ink-soft">{t("madeHint")}</p>
      <p className="mt-3 flex items-center gap-2 rounded-lg border border-line bg-sunken py-1 pr-1 pl-3">
        <code className="min-w-0 flex-1 font-mono text-[13px] wrap-anywhere" data-testid="secret">
          {secret}
        </code>
        <CopyButton text={secret} />
      </p>
      <div className="mt-5 flex justify-end">
        <Button look="primary" onClick={onClose}>
          {t("done")}
        </Button>
      </div>
    </>
  );
}
