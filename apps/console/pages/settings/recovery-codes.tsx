import { Download } from "lucide-react";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { saveFile } from "../../ui/save-file.ts";
import { useSettingsTexts } from "./texts.ts";

/** Recovery codes, shown this once. */
export function RecoveryCodes({ codes, onClose }: { readonly codes: readonly string[]; readonly onClose: () => void }) {
  const t = useSettingsTexts();
  const text = codes.join("\n");
  return (
    <Dialog isOpen onClose={onClose} title={t("codesTitle")} description={t("codesHint")} closesOutside={false}>
      <div className="flex items-start gap-2 rounded-lg border border-line bg-sunken py-3 pr-1.5 pl-4">
        <ol className="grid flex-1 grid-cols-2 gap-x-6 gap-y-1.5 font-mono text-[13px]" data-testid="codes">
          {codes.map((code) => (
            <li key={code}>{code}</li>
          ))}
        </ol>
        <CopyButton text={text} label={t("copyCodes")} />
      </div>
      <div className="mt-5 flex flex-wrap justify-end gap-2">
        <Button onClick={() => saveFile("lyss-recovery-codes.txt", new Blob([`${text}\n`], { type: "text/plain" }))}>
          <Download aria-hidden className="size-4" />
          {t("saveCodes")}
        </Button>
        <Button look="primary" onClick={onClose}>
          {t("codesKept")}
        </Button>
      </div>
    </Dialog>
  );
}
