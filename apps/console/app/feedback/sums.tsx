import { useQuery } from "@tanstack/react-query";
import { type SumFeedbackResponse, sumFeedback } from "../../api/gen/client.ts";
import { useLanguage } from "../language.ts";
import { useCan } from "../session.ts";
import { useFeedbackTexts } from "./texts.ts";

export type FeedbackSum = SumFeedbackResponse["data"][number];

const staleMs = 30_000;
const maxLabels = 3;

/** What scores come to, as far as the person may see them: all, or their own. Empty until they are known. */
export function useFeedbackSums(query: {
  readonly by: "model" | "route" | "prompt";
  readonly route?: string | undefined;
  readonly prompt?: string | undefined;
}): readonly FeedbackSum[] {
  const { data } = useQuery({
    queryKey: ["feedback-sums", query],
    queryFn: ({ signal }) => sumFeedback({ query }, { signal }),
    enabled: useCan()("model:call"),
    staleTime: staleMs,
  });
  return data?.data ?? [];
}

/** Sums of scores, a line for each name; nothing where nothing was scored. */
export function FeedbackSums({ sums }: { readonly sums: readonly FeedbackSum[] }) {
  const t = useFeedbackTexts();
  const textOf = useSumText();
  if (sums.length === 0) return null;
  return (
    <ul className="text-xs text-ink-soft">
      {sums.map((sum) => (
        <li key={`${sum.name} ${sum.kind}`}>
          {textOf(sum)} · {t("count", { count: sum.count })}
        </li>
      ))}
    </ul>
  );
}

/** A sum in words: the share that is yes, the average, or how often each label was given. */
export function useSumText(): (sum: FeedbackSum) => string {
  const t = useFeedbackTexts();
  const language = useLanguage();
  const nameOf = useScoreName();
  return ({ name: id, kind, average, labels }) => {
    const name = nameOf(id);
    if (kind === "label") {
      const most = Object.entries(labels ?? {}).toSorted(([, a], [, b]) => b - a);
      return `${name}: ${most
        .slice(0, maxLabels)
        .map(([label, times]) => `${label} ${times}`)
        .join(", ")}`;
    }
    const style = kind === "boolean" ? "percent" : "decimal";
    const value = new Intl.NumberFormat(language, { style, maximumFractionDigits: kind === "boolean" ? 0 : 2 });
    return t(kind === "boolean" ? "share" : "average", { name, value: value.format(average ?? 0) });
  };
}

/** What a score is called: those that the console gives by a word, others by their own name. */
export function useScoreName(): (name: string) => string {
  const t = useFeedbackTexts();
  return (name) => (name === "helpful" ? t("helpful") : name);
}
