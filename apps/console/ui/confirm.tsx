import { useState } from "react";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Losses } from "./losses.tsx";
import { ProblemNote } from "./problem-note.tsx";
import { useUiTexts } from "./texts.ts";

export interface ConfirmProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly title: string;
  /** What is lost, each in a line. */
  readonly losses: readonly string[];
  /** What the button says: the act, never "OK". */
  readonly act: string;
  /** To be typed first, for what cannot be undone. */
  readonly word?: string;
  readonly onConfirm: () => Promise<void>;
}

/** Asks before something is lost, and names it. */
export function Confirm({ isOpen, onClose, title, losses, act, word, onConfirm }: ConfirmProps) {
  const t = useUiTexts();
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const confirm = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (err) {
      setProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={title}>
      <Losses losses={losses} />
      {word !== undefined && (
        <label className="mt-4 block text-[13px] font-medium">
          {t("typeToConfirm", { word })}
          <input
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            className="mt-1.5 h-9 w-full rounded-md border border-line-strong/60 bg-surface px-2.5 font-normal"
          />
        </label>
      )}
      {problem !== undefined && (
        <div className="mt-4">
          <ProblemNote problem={problem} />
        </div>
      )}
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={onClose}>{t("cancel")}</Button>
        <Button look="danger" isBusy={isBusy} disabled={word !== undefined && typed !== word} onClick={confirm}>
          {act}
        </Button>
      </div>
    </Dialog>
  );
}
