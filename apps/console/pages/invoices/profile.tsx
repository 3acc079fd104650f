import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getBillingProfile, putBillingProfile } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextArea, TextField, useFormIsBusy } from "../../ui/form.tsx";
import { Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { toast } from "../../ui/toast.tsx";
import { useInvoicesTexts } from "./texts.ts";

const maxAddressLines = 6;

/** Who invoices are made out to. */
export function Profile({ onClose }: { readonly onClose: () => void }) {
  const t = useInvoicesTexts();
  const cache = useQueryClient();
  const isLocked = !useCan()("billing:update");
  const { data, error, refetch } = useQuery({
    queryKey: ["billing-profile"],
    queryFn: ({ signal }) => getBillingProfile({}, { signal }),
    // What somebody types is not replaced while they do.
    refetchOnWindowFocus: false,
  });
  const send = async ({ name = "", address = "", tax_id, email }: FormValues) => {
    const lines = address
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const body = { name, address: lines, ...(tax_id && { tax_id }), ...(email && { email }) };
    cache.setQueryData(["billing-profile"], await putBillingProfile({ body }));
    onClose();
    toast(t("profileSaved"));
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("profile")} description={t(isLocked ? "profileLocked" : "profileHint")}>
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!error && !data && <Loading />}
      {data && (
        <Form onSend={send}>
          <TextField
            name="name"
            label={t("name")}
            required
            maxLength={200}
            defaultValue={data.name}
            readOnly={isLocked}
            autoComplete="organization"
          />
          <TextArea
            name="address"
            label={t("address")}
            hint={t("addressHint", { lines: maxAddressLines })}
            isOptional
            rows={4}
            defaultValue={data.address.join("\n")}
            readOnly={isLocked}
            autoComplete="street-address"
          />
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField
              name="tax_id"
              label={t("taxId")}
              isOptional
              defaultValue={data.tax_id}
              readOnly={isLocked}
              autoComplete="off"
            />
            <TextField
              name="email"
              type="email"
              label={t("email")}
              isOptional
              defaultValue={data.email}
              readOnly={isLocked}
              autoComplete="email"
            />
          </div>
          <Buttons onClose={onClose} isLocked={isLocked} />
        </Form>
      )}
    </Dialog>
  );
}

function Buttons({ onClose, isLocked }: { readonly onClose: () => void; readonly isLocked: boolean }) {
  const ui = useUiTexts();
  const isBusy = useFormIsBusy();
  return (
    <div className="flex justify-end gap-2">
      <Button onClick={onClose}>{ui(isLocked ? "close" : "cancel")}</Button>
      {!isLocked && (
        <Button type="submit" look="primary" isBusy={isBusy}>
          {ui("save")}
        </Button>
      )}
    </div>
  );
}
