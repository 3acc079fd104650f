import { CircleAlert } from "lucide-react";
import { Problem } from "../api/problem.ts";
import { Button } from "./button.tsx";
import { useUiTexts } from "./texts.ts";

/** What went wrong: the message in the person's language, the trace id, where it is explained, and a way on. */
export function ProblemNote({ problem, onRetry }: { readonly problem: unknown; readonly onRetry?: () => void }) {
  const t = useUiTexts();
  const message = problem instanceof Error ? problem.message : String(problem);
  const { traceId, docUrl, code } = problem instanceof Problem ? problem : {};
  return (
    <div role="alert" className="flex gap-2.5 rounded-lg border border-bad/30 bg-bad-soft px-3.5 py-3 text-sm">
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="wrap-anywhere">{message}</p>
        {(traceId || docUrl) && (
          <p className="mt-1 flex flex-wrap gap-x-3 gap-y-1 text-xs text-ink-soft">
            {code && <span className="font-mono">{code}</span>}
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
        )}
        {onRetry && (
          <Button size="small" className="mt-2" onClick={onRetry}>
            {t("retry")}
          </Button>
        )}
      </div>
    </div>
  );
}
