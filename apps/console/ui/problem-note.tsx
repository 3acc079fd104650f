import { CircleAlert } from "lucide-react";
import { Problem } from "../api/problem.ts";
import { Button } from "./button.tsx";
import { ProblemFacts } from "./problem-facts.tsx";
import { useUiTexts } from "./texts.ts";

/** What went wrong: the message in the person's language, the trace id, where it is explained, and a way on. */
export function ProblemNote({ problem, onRetry }: { readonly problem: unknown; readonly onRetry?: () => void }) {
  const t = useUiTexts();
  const message = problem instanceof Error ? problem.message : String(problem);
  return (
    <div role="alert" className="flex gap-2.5 rounded-lg border border-bad/30 bg-bad-soft px-3.5 py-3 text-sm">
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="wrap-anywhere">{message}</p>
        {problem instanceof Problem && <ProblemFacts problem={problem} />}
        {onRetry && (
          <Button size="small" className="mt-2" onClick={onRetry}>
            {t("retry")}
          </Button>
        )}
      </div>
    </div>
  );
}
