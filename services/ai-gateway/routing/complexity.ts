/** What of a request shows how hard it is. */
export interface ComplexitySigns {
  /** The last message of a person's. */
  readonly lastText: string;
  /** Of the whole request, about. */
  readonly tokens: number;
  readonly hasTools: boolean;
}

/** Points that each sign gives at most; together 100. */
const points = { asked: 25, whole: 15, reasoning: 30, code: 10, formal: 10, tasks: 5, tools: 5 };

/** Words of those who want something thought through. */
const reasoning =
  /\b(prove|proof|derive|explain why|why|reason|step[- ]by[- ]step|analy[sz]e|compare|trade-?offs?|evaluate|optimi[sz]e|debug|refactor|design|architect\w*|implement|algorithm|strategy|plan|estimate|critique)\b|证明|推导|为什么|原因|逐步|一步一步|分析|比较|权衡|评估|优化|调试|重构|设计|架构|实现|算法|策略|规划|计划/giu;
const code =
  /```|\b(function|class|def|import|return|select|const|public|void)\b[^\n]{0,80}[({:;]|\bat [\w.$]+\([\w.]+:\d+|\w+Error:/iu;
const formal = /[∀∃∑∏∫√≤≥≠≈∈⊂→⇒∞]|\\(frac|sum|int|sqrt|begin)\b|\$\$|\b\w+\s?\^\s?\w+|\bO\(\w/u;
const tasks = /^\s*(\d+[.)、]|[-*•])\s|[?？]/gmu;
/** Beyond this a text is as long as any. */
const maxChars = 20_000;

/**
 * How hard a request looks, from 0 for a greeting to 100: by its length, by words that ask for reasoning, code, formulas, several
 * tasks and tools, in English and Chinese. A guess that costs microseconds and no call: for a choice between a small model and a
 * large one, not for a verdict. The same request always has the same.
 */
export function complexityOf({ lastText, tokens, hasTools }: ComplexitySigns): number {
  const text = lastText.slice(0, maxChars);
  const words = new Set((text.match(reasoning) ?? []).map((word) => word.toLowerCase()));
  const sum =
    points.asked * grade(text.length / 4, 20, 1_000) +
    points.whole * grade(tokens, 500, 20_000) +
    points.reasoning * Math.min(1, words.size / 3) +
    points.code * Number(code.test(text)) +
    points.formal * Number(formal.test(text)) +
    points.tasks * Math.min(1, Math.max(0, (text.match(tasks)?.length ?? 0) - 1) / 3) +
    points.tools * Number(hasTools);
  return Math.round(sum);
}

/** 0 up to `low`, 1 from `high` on, and between them by the order of magnitude. */
function grade(value: number, low: number, high: number): number {
  if (value <= low) return 0;
  return Math.min(1, Math.log(value / low) / Math.log(high / low));
}
