import { useState } from "react";
import { rotateKey } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, useFormIsBusy } from "../../ui/form.tsx";
import type { Key } from "./key.ts";
import { Made } from "./made.tsx";
import { useKeyTexts } from "./texts.ts";

/** Gives a key another secret; the old one works for as long as is chosen. */
export function RollKey({
  apiKey,
  onClose,
  onMade,
}: {
  readonly apiKey: Key;
  readonly onClose: () => void;
  readonly onMade: () => Promise<void>;
}) {
  const t = useKeyTexts();
  const [secret, setSecret] = useState<string>();
  const send = async ({ grace = "0" }: FormValues) => {
    const rolled = await rotateKey({ path: { id: apiKey.id }, body: { grace_seconds: Number(grace) } });
    setSecret(rolled.secret);
    await onMade();
  };
  const graces = (["3600", "86400", "0"] as const).map((seconds) => [seconds, t(`grace.${seconds}`)] as const);
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={secret === undefined ? t("rollTitle", { name: apiKey.name }) : t("madeTitle")}
      {...(secret === undefined && { description: t("rollHint") })}
      closesOutside={secret === undefined}
    >
      {secret === undefined ? (
        <Form onSend={send}>
          <SelectField name="grace" label={t("grace")} options={graces} />
          <div className="flex justify-end">
            <Send text={t("roll")} />
          </div>
        </Form>
      ) : (
        <Made secret={secret} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Send({ text }: { readonly text: string }) {
  return (
    <Button type="submit" look="primary" isBusy={useFormIsBusy()}>
      {text}
    </Button>
  );
}
