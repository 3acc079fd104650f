import { useState } from "react";
import { Dialog } from "./dialog.tsx";
import { Form, type FormValues, SelectField } from "./form.tsx";
import { FormButtons } from "./form-buttons.tsx";
import { SecretOnce } from "./secret-once.tsx";
import { useUiTexts } from "./texts.ts";

/** Asks for how long the old secret works yet where that can be chosen, has a new one made, and shows it this once. */
export function RotateSecret({
  title,
  act,
  rotate,
  isAtOnce = false,
  onClose,
}: {
  readonly title: string;
  readonly act: string;
  /** Gives the new secret. */
  readonly rotate: (graceSeconds: number) => Promise<string>;
  /** Where the old secret always ends with the new one. */
  readonly isAtOnce?: boolean;
  readonly onClose: () => void;
}) {
  const t = useUiTexts();
  const [secret, setSecret] = useState<string>();
  const send = async ({ grace_seconds = "0" }: FormValues) => setSecret(await rotate(Number(grace_seconds)));
  const graces = (["3600", "86400", "0"] as const).map((seconds) => [seconds, t(`grace.${seconds}`)] as const);
  if (secret !== undefined) {
    return (
      <Dialog isOpen onClose={onClose} title={t("secretTitle")} closesOutside={false}>
        <SecretOnce secret={secret} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog isOpen onClose={onClose} title={title} description={t(isAtOnce ? "rotateAtOnceHint" : "rotateHint")}>
      <Form onSend={send}>
        {!isAtOnce && <SelectField name="grace_seconds" label={t("grace")} options={graces} />}
        <FormButtons act={act} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
