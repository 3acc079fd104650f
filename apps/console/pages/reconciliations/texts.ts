import { defineTexts } from "../../app/language.ts";

export const useReconciliationsTexts = defineTexts("reconciliations", {
  en: {
    title: "Reconciliation",
    description: "What a provider says it charged you, beside what was recorded here, by day and model.",
    compare: "Compare a report",
    when: "Compared",
    provider: "Provider",
    state: "Result",
    "state.matched": "Agrees",
    "state.drift": "Differs",
    days: "Days (UTC)",
    reported: "Reported",
    recorded: "Recorded",
    drift: "Beyond tolerance",
    lines: "Lines",
    emptyTitle: "No report was compared yet",
    empty:
      "Take the cost report of a provider as CSV. Where it differs from what was recorded you see the day and the model, and what only the provider knew is taken over.",
    compareTitle: "Compare a provider’s report",
    compareHint:
      "Where the report names calls, it is taken over for those that were estimated: customers who paid by an estimate get the difference. A difference of up to 0.01, or 0.5 % of what is reported, is none.",
    providerHint: "As it is called here.",
    file: "CSV file",
    report: "Report",
    reportHint:
      "With a heading: day, model, cost; if known also account, request_id, input_tokens, cached_input_tokens, output_tokens.",
  },
  "zh-CN": {
    title: "对账",
    description: "按日期和模型，将供应商报告的费用与此处的记录进行比对。",
    compare: "比对报告",
    when: "比对时间",
    provider: "供应商",
    state: "结果",
    "state.matched": "一致",
    "state.drift": "有差异",
    days: "日期（UTC）",
    reported: "供应商报告",
    recorded: "本地记录",
    drift: "超出容差",
    lines: "行数",
    emptyTitle: "还没有比对过报告",
    empty: "请导入供应商的费用报告（CSV）。如与记录不一致，将列出相应的日期和模型，并采用只有供应商掌握的数据。",
    compareTitle: "比对供应商报告",
    compareHint:
      "报告中注明调用的，将用于更正此前的估算：按估算付费的客户会得到差额。差异不超过 0.01 或报告金额的 0.5 % 视为一致。",
    providerHint: "此处使用的名称。",
    file: "CSV 文件",
    report: "报告",
    reportHint:
      "需有表头：day、model、cost；如有也可包含 account、request_id、input_tokens、cached_input_tokens、output_tokens。",
  },
});
