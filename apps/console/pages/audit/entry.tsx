import { acts, wordsOf } from "../../app/audit/acts.ts";
import { useLanguage } from "../../app/language.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Fact } from "../../ui/section.tsx";
import { Time } from "../../ui/values.tsx";
import type { AuditEntry } from "./audit-entry.ts";
import { Details } from "./details.tsx";
import { useAuditTexts } from "./texts.ts";

/** All that is known of one act. */
export function Entry({
  entry,
  nameOf,
  onClose,
}: {
  readonly entry: AuditEntry;
  readonly nameOf: (id: string) => string;
  readonly onClose: () => void;
}) {
  const t = useAuditTexts();
  const language = useLanguage();
  return (
    <Dialog isOpen onClose={onClose} title={wordsOf(acts, entry.act, language)} isWide>
      <dl className="grid grid-cols-1 gap-x-6 gap-y-4 sm:grid-cols-2">
        <Fact name={t("time")}>
          <Time at={entry.happened_at} />
        </Fact>
        <Fact name={t("recorded")}>
          <Time at={entry.recorded_at} />
        </Fact>
        <Fact name={t("actor")}>
          {entry.actor_id === null ? t("platform") : <Named id={entry.actor_id} nameOf={nameOf} />}
        </Fact>
        <Fact name={t("subject")}>
          <Named id={entry.subject_id} nameOf={nameOf} />
        </Fact>
        {entry.tenant_id === null && <Fact name={t("tenant")}>{t("platformItself")}</Fact>}
        {entry.operator_id !== null && (
          <Fact name={t("operatorName")}>
            <Named id={entry.operator_id} nameOf={nameOf} />
          </Fact>
        )}
        <Fact name={t("address")}>{entry.client_address ?? t("unknown")}</Fact>
        <Fact name={t("sequence")}>{entry.sequence}</Fact>
        <Fact name={t("code")}>
          <code className="font-mono text-[13px]">{entry.act}</code>
        </Fact>
        <Details details={entry.details} nameOf={nameOf} />
      </dl>
      <div className="mt-4 border-t border-line pt-4">
        <p className="text-xs font-medium text-ink-soft">{t("digest")}</p>
        <p className="mt-0.5 flex items-center gap-1">
          <code className="font-mono text-xs wrap-anywhere">{entry.digest}</code>
          <CopyButton text={entry.digest} />
        </p>
      </div>
    </Dialog>
  );
}

function Named({ id, nameOf }: { readonly id: string; readonly nameOf: (id: string) => string }) {
  const name = nameOf(id);
  return (
    <>
      {name}
      {name !== id && <code className="block font-mono text-xs text-ink-soft">{id}</code>}
    </>
  );
}
