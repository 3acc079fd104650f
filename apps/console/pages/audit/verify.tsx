import { ShieldCheck } from "lucide-react";
import { useState } from "react";
import { verifyAnyAuditChain, verifyAuditChain } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { useAuditTexts } from "./texts.ts";

/** Computes every entry's proof anew, part by part, to the end of the log: of one's own tenant, or for operators of `logOf`. */
export function Verify({ logOf }: { readonly logOf: string | undefined }) {
  const t = useAuditTexts();
  const [checked, setChecked] = useState<number>();
  const verify = async () => {
    setChecked(0);
    try {
      let count = 0;
      let after = 0;
      for (;;) {
        const found = await (logOf === undefined
          ? verifyAuditChain({ query: { after } })
          : verifyAnyAuditChain({ query: { after, tenant_id: logOf } }));
        count += found.entries;
        setChecked(count);
        if (!found.intact) return toast(t("broken", { sequence: found.broken_sequence ?? "?" }), "bad");
        if (found.complete) return toast(t("intact", { count }));
        after = found.until_sequence;
      }
    } catch (err) {
      toastProblem(err);
    } finally {
      setChecked(undefined);
    }
  };
  return (
    <Button isBusy={checked !== undefined} onClick={verify}>
      {checked === undefined && <ShieldCheck aria-hidden className="size-4" />}
      {checked ? t("verifying", { count: checked }) : t("verify")}
    </Button>
  );
}
