import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { TextArea } from "../../ui/form.tsx";
import { splitList } from "../../ui/split-list.ts";
import { useStartTexts } from "./texts.ts";

const maxShown = 8;

/** Names of models, with commas in between: what is being typed is completed from those that are known. */
export function ModelNames({ known }: { readonly known: readonly string[] }) {
  const t = useStartTexts();
  const [text, setText] = useState("");
  const begun = /[^\s,，]*$/.exec(text)?.[0] ?? "";
  const whole = text.slice(0, text.length - begun.length);
  const taken = new Set(splitList(text));
  const fitting = known.filter((name) => name.toLowerCase().includes(begun.toLowerCase()) && !taken.has(name));
  return (
    <div>
      <TextArea
        name="models"
        label={t("models")}
        hint={known.length === 0 ? t("modelsHint") : t("modelsKnown", { count: known.length })}
        required
        rows={2}
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {begun !== "" && fitting.length > 0 && (
        <ul aria-label={t("models")} className="mt-2 flex flex-wrap gap-1.5">
          {fitting.slice(0, maxShown).map((name) => (
            <li key={name} className="max-w-full">
              <Button size="small" className="max-w-full" onClick={() => setText(`${whole}${name}, `)}>
                <span className="min-w-0 font-mono wrap-anywhere">{name}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
