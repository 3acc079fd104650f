import { defineTexts } from "../../app/language.ts";

export const useReconciliationsTexts = defineTexts("reconciliations", {
  en: {
    title: "Reconciliation",
    description: "Compares what a provider says it charged with what was recorded here, by day and model.",
    compare: "Compare a report",
    when: "Compared",
    provider: "Provider",
    state: "Result",
    "state.matched": "Agrees",
    "state.drift": "Differs",
    "state.unknown": "Cost price unknown",
    days: "Days (UTC)",
    reported: "Reported",
    recorded: "Recorded",
    drift: "Beyond tolerance",
    lines: "Lines",
    emptyTitle: "No reports compared yet",
    empty:
      "Upload a provider’s cost report as CSV. You see on which day and for which model it differs from the records, and figures only the provider has are adopted.",
    compareTitle: "Compare a provider’s report",
    compareHint:
      "Where the report lists single calls, its figures replace estimates, and customers charged by an estimate get the difference. Differences of up to 0.01, or 0.5% of the reported amount, are ignored.",
    providerHint: "Its name in Lyss.",
    file: "CSV file",
    report: "Report",
    reportHint:
      "The first line names the columns: day, model, cost; optionally account, request_id, input_tokens, cached_input_tokens, output_tokens.",
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
    "state.unknown": "成本价未知",
    days: "日期（UTC）",
    reported: "供应商报告",
    recorded: "本地记录",
    drift: "超出容差",
    lines: "行数",
    emptyTitle: "还没有比对过报告",
    empty: "请导入供应商的费用报告（CSV）。如与记录不一致，将列出相应的日期和模型，并采用只有供应商掌握的数据。",
    compareTitle: "比对供应商报告",
    compareHint:
      "若报告列出单次调用，其金额将取代此前的估算，按估算付费的客户多退少补。差异不超过 0.01 或报告金额的 0.5% 视为一致。",
    providerHint: "在 Lyss 中使用的名称。",
    file: "CSV 文件",
    report: "报告",
    reportHint:
      "需有表头：day、model、cost；如有也可包含 account、request_id、input_tokens、cached_input_tokens、output_tokens。",
  },
});
