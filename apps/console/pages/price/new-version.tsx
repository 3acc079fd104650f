import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { type EstimateCostsResponse, estimateCosts, type PutPricesBody, putPrices } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { toast } from "../../ui/toast.tsx";
import { fromUnits, Money, toUnits } from "../../ui/values.tsx";
import { type PriceVersion, toTerms } from "./terms.ts";
import { usePriceTexts } from "./texts.ts";
import { usePriceWords } from "./words.ts";

const tryDays = 30;

/** Gives a model other rates, for everybody without a price of their own; what else its price says is carried over. */
export function NewVersion({ version, onClose }: { readonly version: PriceVersion; readonly onClose: () => void }) {
  const t = usePriceTexts();
  const cache = useQueryClient();
  const { nameOf } = usePriceWords();
  const fields = useRef<HTMLDivElement>(null);
  const terms = toTerms(version.terms).filter(({ when }) => when.kind === "always");
  const isAllShown = terms.length === toTerms(version.terms).length && version.terms.markup_ppm === 0;
  const send = async (values: FormValues) => {
    const { effective_at } = values;
    const at = effective_at === undefined ? {} : { effective_at: new Date(effective_at).toISOString() };
    await putPrices({ body: { prices: [toPrice(version, values)], ...at } });
    await Promise.all(
      ["prices", "price-versions", "list"].map((name) => cache.invalidateQueries({ queryKey: [name] })),
    );
    onClose();
    toast(t("wasSet"));
  };
  const read = () => {
    const form = fields.current?.closest("form");
    if (!form?.reportValidity()) return undefined;
    return toPrice(version, Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])));
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("newTitle")} description={t(isAllShown ? "newHint" : "newHintCarried")}>
      <Form onSend={send}>
        <div ref={fields} className="grid gap-4 sm:grid-cols-2">
          {terms.map((term) => (
            <TextField
              key={term.bucket}
              name={`rate ${term.bucket}`}
              label={nameOf(term)}
              required
              inputMode="decimal"
              pattern="\d{1,9}(\.\d{1,9})?"
              title={t("rateTitle")}
              defaultValue={toUnits(BigInt(term.nanos))}
              autoComplete="off"
            />
          ))}
        </div>
        <TextField name="effective_at" type="datetime-local" label={t("startsAt")} hint={t("startsHint")} isOptional />
        <Trial read={read} />
        <FormButtons act={t("put")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

type Price = PutPricesBody["prices"][number];

function toPrice({ provider, model, terms }: PriceVersion, values: FormValues): Price {
  const rates = Object.keys(terms.rates).map((bucket) => [bucket, String(fromUnits(values[`rate ${bucket}`] ?? ""))]);
  return { provider, model, terms: { ...terms, rates: Object.fromEntries(rates) } };
}

/** What the calls of late would have cost, before anything is changed. */
function Trial({ read }: { readonly read: () => Price | undefined }) {
  const t = usePriceTexts();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [line, setLine] = useState<EstimateCostsResponse["data"][number] | "none">();
  const run = async () => {
    const price = read();
    if (!price) return;
    setBusy(true);
    setProblem(undefined);
    try {
      const now = Date.now();
      const [from, to] = [new Date(now - tryDays * 86_400_000), new Date(now)].map((at) => at.toISOString());
      const { data } = await estimateCosts({ body: { from: from ?? "", to: to ?? "", prices: [price] } });
      setLine(data.find(({ provider, model }) => provider === price.provider && model === price.model) ?? "none");
    } catch (err) {
      setProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="rounded-lg border border-line bg-sunken px-3.5 py-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-[13px] text-ink-soft">{t("tryHint", { days: tryDays })}</p>
        <Button size="small" isBusy={isBusy} onClick={run}>
          {t("try")}
        </Button>
      </div>
      {problem !== undefined && (
        <div className="mt-3">
          <ProblemNote problem={problem} />
        </div>
      )}
      {line === "none" && <p className="mt-2">{t("noCalls")}</p>}
      {line !== undefined && line !== "none" && (
        <p role="status" className="mt-2">
          {t("tried", { count: line.calls })} <Money nanos={line.charged_nanos} /> →{" "}
          <strong>
            <Money nanos={line.proposed_nanos} />
          </strong>
        </p>
      )}
    </div>
  );
}
