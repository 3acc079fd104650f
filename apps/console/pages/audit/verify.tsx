import { ShieldCheck } from "lucide-react";
import { useState } from "react";
import { verifyAuditChain } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { useAuditTexts } from "./texts.ts";

/** Computes every entry's proof anew, part by part, to the end of the log. */
export function Verify() {
  const t = useAuditTexts();
  const [checked, setChecked] = useState<number>();
  const verify = async () => {
    setChecked(0);
    try {
      let count = 0;
      let after = 0;
      for (;;) {
        const found = await verifyAuditChain({ query: { after } });
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
