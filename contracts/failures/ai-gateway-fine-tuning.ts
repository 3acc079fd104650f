import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where fine-tuning is concerned. */
export const fineTuningFailures = defineFailures("ai_gateway", {
  fine_tuning_provider_missing: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_128",
    text: {
      en_US:
        "No provider of your own that speaks OpenAI's API offers the model '{model}'. Models are fine-tuned on their vendor's bill: add your account there by POST /api/v1/ai/providers.",
      zh_CN:
        "您自己的 OpenAI 协议供应商中没有模型“{model}”。微调费用由模型厂商直接收取：请先通过 POST /api/v1/ai/providers 添加您在该厂商的账户。",
    },
  },
  fine_tuning_file_elsewhere: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_129",
    httpStatus: 409,
    text: {
      en_US:
        "The file '{id}' lies at another provider's account than the model '{model}', where a job before was made of it. Upload it again for this one.",
      zh_CN: "文件“{id}”已用于另一供应商账户的任务，与模型“{model}”不在同一账户。请重新上传该文件。",
    },
  },
  fine_tuning_job_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_130",
    text: {
      en_US:
        "There is no fine-tuning job '{id}', or it belongs to somebody else. GET /v1/fine_tuning/jobs lists yours.",
      zh_CN: "没有微调任务“{id}”，或属于他人。您的任务见 GET /v1/fine_tuning/jobs。",
    },
  },
});
