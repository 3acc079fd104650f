import type { Problem } from "../api/problem.ts";
import { useUiTexts } from "./texts.ts";

/** What whoever helps needs to know of a problem, and where it is explained. */
export function ProblemFacts({ problem: { code, traceId, docUrl } }: { readonly problem: Problem }) {
  const t = useUiTexts();
  if (!traceId && !docUrl) return null;
  return (
    <p className="mt-1 flex flex-wrap gap-x-3 gap-y-1 text-xs text-ink-soft">
      <span className="font-mono">{code}</span>
      {traceId && (
        <span>
          {t("trace")} <span className="font-mono select-all">{traceId}</span>
        </span>
      )}
      {docUrl && (
        <a className="underline underline-offset-2" href={docUrl} target="_blank" rel="noreferrer">
          {t("explain")}
        </a>
      )}
    </p>
  );
}
