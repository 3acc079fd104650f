import { Button } from "./button.tsx";
import { useFormIsBusy } from "./form.tsx";
import { useUiTexts } from "./texts.ts";

/** What a form ends with: send it and, in a dialog, leave it. */
export function FormButtons({
  act,
  onClose,
  isDisabled = false,
}: {
  readonly act: string;
  readonly onClose?: () => void;
  readonly isDisabled?: boolean;
}) {
  const t = useUiTexts();
  return (
    <div className="flex justify-end gap-2">
      {onClose && <Button onClick={onClose}>{t("cancel")}</Button>}
      <Button type="submit" look="primary" isBusy={useFormIsBusy()} disabled={isDisabled}>
        {act}
      </Button>
    </div>
  );
}
