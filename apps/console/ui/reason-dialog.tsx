import { Dialog } from "./dialog.tsx";
import { Form, TextField } from "./form.tsx";
import { FormButtons } from "./form-buttons.tsx";
import { Losses } from "./losses.tsx";
import { useUiTexts } from "./texts.ts";

/** Asks before something is lost, names it, and asks why. */
export function ReasonDialog({
  title,
  losses,
  act,
  reasonHint,
  onSend,
  onClose,
}: {
  readonly title: string;
  readonly losses: readonly string[];
  /** What the button says: the act. */
  readonly act: string;
  readonly reasonHint: string;
  readonly onSend: (reason: string) => Promise<void>;
  readonly onClose: () => void;
}) {
  const t = useUiTexts();
  return (
    <Dialog isOpen onClose={onClose} closesOutside={false} title={title}>
      <Losses losses={losses} className="mb-4" />
      <Form
        onSend={async ({ reason = "" }) => {
          await onSend(reason);
          onClose();
        }}
      >
        <TextField
          {...{ name: "reason", label: t("reason"), hint: reasonHint, maxLength: 500, autoComplete: "off" }}
          required
          autoFocus
        />
        <FormButtons act={act} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
