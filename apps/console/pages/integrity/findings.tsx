import { Dialog } from "../../ui/dialog.tsx";
import type { Run } from "./run.ts";
import { useIntegrityTexts } from "./texts.ts";

/** What of the books does not hold, with the ids by which it is looked up. */
export function Findings({ run, onClose }: { readonly run: Run; readonly onClose: () => void }) {
  const t = useIntegrityTexts();
  return (
    <Dialog isOpen isWide onClose={onClose} title={t("findings")} description={t("findingsHint")}>
      <ul className="divide-y divide-line">
        {run.findings.map(({ check, wallet_id, posting_id, call_id, detail }) => (
          <li key={`${check} ${wallet_id} ${posting_id} ${call_id} ${detail}`} className="py-2.5">
            <code className="font-mono text-[13px] font-medium">{check}</code>
            <p className="mt-0.5 wrap-anywhere">{detail}</p>
            <p className="mt-0.5 font-mono text-xs wrap-anywhere text-ink-soft">
              {[wallet_id, posting_id, call_id].filter(Boolean).join(" · ")}
            </p>
          </li>
        ))}
      </ul>
      {run.finding_count > run.findings.length && (
        <p className="mt-3 text-ink-soft">{t("more", { shown: run.findings.length, all: run.finding_count })}</p>
      )}
    </Dialog>
  );
}
