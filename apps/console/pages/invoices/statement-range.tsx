import { useNavigate } from "@tanstack/react-router";
import { paths } from "../../app/paths.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { useInvoicesTexts } from "./texts.ts";

/** Asks of which days a statement is wanted. */
export function StatementRange({ onClose }: { readonly onClose: () => void }) {
  const t = useInvoicesTexts();
  const ui = useUiTexts();
  const navigate = useNavigate();
  const today = new Date().toISOString().slice(0, 10);
  const show = async ({ from, to }: FormValues) => {
    await navigate({ to: paths.statement(), search: { from, to } } as never);
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("statement")} description={t("statementHint")}>
      <Form onSend={show}>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            name="from"
            type="date"
            label={t("from")}
            required
            max={today}
            defaultValue={`${today.slice(0, 8)}01`}
          />
          <TextField name="to" type="date" label={t("to")} required max={today} defaultValue={today} />
        </div>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{ui("cancel")}</Button>
          <Button type="submit" look="primary">
            {t("showStatement")}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
