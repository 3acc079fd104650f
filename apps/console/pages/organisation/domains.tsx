import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { addDomain, type ListDomainsResponse, listDomains, removeDomain, verifyDomain } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { CopyLine } from "../../ui/copy-line.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Badge, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Line, Lines, Section } from "../../ui/section.tsx";
import { toastProblem } from "../../ui/toast.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { useOrganisationTexts } from "./texts.ts";

type Domain = ListDomainsResponse["data"][number];

/** Domains whose addresses are the tenant's people. */
export function Domains({ mayChange }: { readonly mayChange: boolean }) {
  const t = useOrganisationTexts();
  const { open, setOpen, close, changed } = useListDialog<"add" | Domain>("domains");
  const { data, error, refetch } = useQuery({
    queryKey: ["list", "domains"],
    queryFn: ({ signal }) => listDomains({ path: { id: "me" } }, { signal }),
  });
  const remove = async ({ domain }: Domain) => {
    await removeDomain({ path: { id: "me", domain } });
    await changed(t("domainRemoved", { domain }));
  };
  return (
    <Section
      title={t("domains")}
      hint={t("domainsHint")}
      isFlush
      actions={
        mayChange && (
          <Button size="small" onClick={() => setOpen("add")}>
            <Plus aria-hidden className="size-4" />
            {t("addDomain")}
          </Button>
        )
      }
    >
      {error && !data ? (
        <div className="p-5">
          <ProblemNote problem={error} onRetry={() => void refetch()} />
        </div>
      ) : !data ? (
        <Loading />
      ) : (
        <Lines>
          {data.data.map((domain) => (
            <One key={domain.domain} {...{ domain, mayChange, changed }} onRemove={() => setOpen(domain)} />
          ))}
          {data.data.length === 0 && (
            <Line>
              <span className="text-ink-soft">{t("noDomains")}</span>
            </Line>
          )}
        </Lines>
      )}
      {open === "add" && <AddDomain onClose={close} onAdded={changed} />}
      {open !== undefined && open !== "add" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("removeDomainTitle", { domain: open.domain })}
          losses={[t("removeDomainLoss")]}
          act={t("removeDomain")}
          onConfirm={() => remove(open)}
        />
      )}
    </Section>
  );
}

function AddDomain({ onClose, onAdded }: { readonly onClose: () => void; readonly onAdded: () => Promise<void> }) {
  const t = useOrganisationTexts();
  const send = async ({ domain = "" }: FormValues) => {
    await addDomain({ path: { id: "me" }, body: { domain } });
    await onAdded();
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("addDomainTitle")} description={t("addDomainHint")}>
      <Form onSend={send}>
        <TextField name="domain" label={t("domain")} placeholder="example.com" required autoFocus autoComplete="off" />
        <FormButtons act={t("addDomain")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

function One({
  domain,
  mayChange,
  changed,
  onRemove,
}: {
  readonly domain: Domain;
  readonly mayChange: boolean;
  readonly changed: (said: string) => Promise<void>;
  readonly onRemove: () => void;
}) {
  const t = useOrganisationTexts();
  const [isBusy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    try {
      await verifyDomain({ path: { id: "me", domain: domain.domain } });
      await changed(t("domainVerified", { domain: domain.domain }));
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <li className="px-5 py-3">
      <div className="flex flex-wrap items-center justify-between gap-x-3 gap-y-2">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          {domain.domain}
          <Badge tone={domain.verified ? "good" : "warn"}>{t(domain.verified ? "verified" : "unverified")}</Badge>
          {domain.verified_at !== null && (
            <span className="text-[13px] font-normal text-ink-soft">
              <Time at={domain.verified_at} />
            </span>
          )}
        </p>
        {mayChange && (
          <div className="flex gap-1">
            {!domain.verified && (
              <Button
                size="small"
                isBusy={isBusy}
                onClick={verify}
                aria-label={t("verifyNamed", { domain: domain.domain })}
              >
                {t("verify")}
              </Button>
            )}
            <Button
              size="small"
              look="danger"
              onClick={onRemove}
              aria-label={t("removeNamed", { domain: domain.domain })}
            >
              {t("removeDomain")}
            </Button>
          </div>
        )}
      </div>
      {!domain.verified && (
        <div className="mt-3 grid gap-3">
          <p className="text-[13px] text-ink-soft">{t("txtHint")}</p>
          <CopyLine name={t("txtName")} text={domain.txt_name} />
          <CopyLine name={t("txtValue")} text={domain.txt_value} />
        </div>
      )}
    </li>
  );
}
