import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Smartphone } from "lucide-react";
import { useState } from "react";
import { listFactors, removeFactor, renewRecoveryCodes } from "../../api/gen/client.ts";
import { hasPasskeys } from "../../app/passkey.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { Badge, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Line, Lines, Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { Time } from "../../ui/values.tsx";
import { AddApp } from "./add-app.tsx";
import { AddPasskey } from "./add-passkey.tsx";
import type { Factor } from "./factor.ts";
import { RecoveryCodes } from "./recovery-codes.tsx";
import { RenameFactor } from "./rename-factor.tsx";
import { useSettingsTexts } from "./texts.ts";

type Open =
  | { readonly what: "app" | "passkey" | "renew" }
  | { readonly what: "codes"; readonly codes: readonly string[] }
  | { readonly what: "rename" | "remove"; readonly factor: Factor };

/** What one shows besides a password: an app's codes, passkeys, and recovery codes for when all of that is lost. */
export function Factors() {
  const t = useSettingsTexts();
  const cache = useQueryClient();
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const { data, error, refetch } = useQuery({
    queryKey: ["factors"],
    queryFn: ({ signal }) => listFactors({}, { signal }),
  });
  const refresh = () => cache.invalidateQueries({ queryKey: ["factors"] });
  /** The first factor brings recovery codes, which are shown this once. */
  const added = async (codes: readonly string[]) => {
    setOpen(codes.length > 0 ? { what: "codes", codes } : undefined);
    await refresh();
    toast(t("factorAdded"));
  };
  const remove = async ({ id, name }: Factor) => {
    await removeFactor({ path: { id } });
    await refresh();
    toast(t("factorRemoved", { name }));
  };
  const renew = async () => {
    const { recovery_codes: codes } = await renewRecoveryCodes({});
    await refresh();
    // After the dialog that asked has closed itself.
    setTimeout(() => setOpen({ what: "codes", codes }));
  };
  const isLast = data?.data.length === 1;
  return (
    <Section
      title={t("factors")}
      hint={t("factorsHint")}
      isFlush
      actions={<AddButtons onOpen={(what) => setOpen({ what })} />}
    >
      {error && !data ? (
        <div className="p-5">
          <ProblemNote problem={error} onRetry={() => void refetch()} />
        </div>
      ) : !data ? (
        <Loading />
      ) : (
        <Lines>
          {data.data.map((factor) => (
            <One key={factor.id} factor={factor} onOpen={(what) => setOpen({ what, factor })} />
          ))}
          {data.data.length === 0 ? (
            <Line>
              <span className="text-ink-soft">{t("noFactors")}</span>
            </Line>
          ) : (
            <Left left={data.recovery_codes_left} onRenew={() => setOpen({ what: "renew" })} />
          )}
        </Lines>
      )}
      {open?.what === "app" && <AddApp onClose={close} onAdded={added} />}
      {open?.what === "passkey" && <AddPasskey onClose={close} onAdded={added} />}
      {open?.what === "codes" && <RecoveryCodes codes={open.codes} onClose={close} />}
      {open?.what === "rename" && <RenameFactor factor={open.factor} onClose={close} onRenamed={refresh} />}
      {open?.what === "remove" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("removeFactorTitle", { name: open.factor.name })}
          losses={[t("removeFactorLoss"), ...(isLast ? [t("removeLastLoss")] : [])]}
          act={t("removeFactor")}
          onConfirm={() => remove(open.factor)}
        />
      )}
      <Confirm
        isOpen={open?.what === "renew"}
        onClose={close}
        title={t("renewTitle")}
        losses={[t("renewLoss")]}
        act={t("renew")}
        onConfirm={renew}
      />
    </Section>
  );
}

function AddButtons({ onOpen }: { readonly onOpen: (what: "app" | "passkey") => void }) {
  const t = useSettingsTexts();
  return (
    <>
      <Button size="small" onClick={() => onOpen("app")}>
        {t("addApp")}
      </Button>
      {hasPasskeys && (
        <Button size="small" onClick={() => onOpen("passkey")}>
          {t("addPasskey")}
        </Button>
      )}
    </>
  );
}

function One({ factor, onOpen }: { readonly factor: Factor; readonly onOpen: (what: "rename" | "remove") => void }) {
  const t = useSettingsTexts();
  const { kind, name, is_synced, created_at, last_used_at } = factor;
  const Icon = kind === "totp" ? Smartphone : KeyRound;
  return (
    <Line
      actions={
        <>
          <Button size="small" look="ghost" aria-label={t("renameNamed", { name })} onClick={() => onOpen("rename")}>
            {t("rename")}
          </Button>
          <Button size="small" look="danger" aria-label={t("removeNamed", { name })} onClick={() => onOpen("remove")}>
            {t("removeFactor")}
          </Button>
        </>
      }
    >
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 font-medium">
        <Icon aria-hidden className="size-4 shrink-0 text-ink-soft" />
        <span className="wrap-anywhere">{name}</span>
        {is_synced && <Badge>{t("synced")}</Badge>}
      </p>
      <p className="mt-0.5 text-[13px] text-ink-soft">
        {t(kind)} · {t("added")} <Time at={created_at} /> · {t("lastUsed")} <Time at={last_used_at} />
      </p>
    </Line>
  );
}

function Left({ left, onRenew }: { readonly left: number; readonly onRenew: () => void }) {
  const t = useSettingsTexts();
  return (
    <Line
      actions={
        <Button size="small" onClick={onRenew}>
          {t("renew")}
        </Button>
      }
    >
      <p className="font-medium">{t("recoveryCodes")}</p>
      <p className={left < 3 ? "mt-0.5 text-[13px] text-warn" : "mt-0.5 text-[13px] text-ink-soft"}>
        {t("codesLeft", { left })}
      </p>
    </Line>
  );
}
