import { FileSpreadsheet, FileText } from "lucide-react";
import { useState } from "react";
import { type Language, useLanguage } from "../app/language.ts";
import { Button } from "./button.tsx";
import { saveFile } from "./save-file.ts";
import { toastProblem } from "./toast.tsx";

export type DocumentFormat = "pdf" | "csv";

/** Offers a document as PDF, in the person's language, and as CSV. */
export function DocumentFiles({
  name,
  load,
  look = "secondary",
}: {
  /** Of the file, without its ending; buttons are told apart by it. */
  readonly name: string;
  readonly load: (format: DocumentFormat, language: Language) => Promise<Blob>;
  readonly look?: "secondary" | "ghost";
}) {
  const language = useLanguage();
  const [busy, setBusy] = useState<DocumentFormat>();
  const save = async (format: DocumentFormat) => {
    setBusy(format);
    try {
      saveFile(`${name}.${format}`, await load(format, language));
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(undefined);
    }
  };
  const button = (format: DocumentFormat, Icon: typeof FileText) => (
    <Button
      size="small"
      look={look}
      isBusy={busy === format}
      aria-label={`${format.toUpperCase()}: ${name}`}
      onClick={() => void save(format)}
    >
      {busy !== format && <Icon aria-hidden className="size-3.5" />}
      {format.toUpperCase()}
    </Button>
  );
  return (
    <span className="inline-flex gap-1.5">
      {button("pdf", FileText)}
      {button("csv", FileSpreadsheet)}
    </span>
  );
}
