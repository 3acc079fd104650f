import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where videos are concerned. */
export const videoFailures = defineFailures("ai_gateway", {
  video_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_086",
    text: {
      en_US: "There is no video '{id}'. It was removed, or belongs to somebody else. GET /v1/videos lists yours.",
      zh_CN: "没有视频“{id}”：已被删除，或属于他人。您的视频见 GET /v1/videos。",
    },
  },
  video_provider_missing: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_087",
    text: {
      en_US: "No provider of the model '{model}' makes videos here. Name a model that makes videos.",
      zh_CN: "此处没有为模型“{model}”生成视频的供应商。请指定能生成视频的模型。",
    },
  },
  video_price_missing: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_088",
    httpStatus: 403,
    text: {
      en_US:
        "The model '{model}' has no price for a second of video of size '{size}', so it cannot be asked for. Ask for another size, or let an operator give one: `videoPrices` of the model.",
      zh_CN:
        "模型“{model}”没有尺寸“{size}”的每秒视频价格，无法生成。请改用其他尺寸，或由运营者在该模型的 videoPrices 中给出价格。",
    },
  },
  video_not_ready: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_089",
    httpStatus: 409,
    text: {
      en_US:
        "The video '{id}' is {status}: its content can be had once it is completed, and it can be removed once it has ended.",
      zh_CN: "视频“{id}”的状态为 {status}：完成后才能下载内容，结束后才能删除。",
    },
  },
  video_account_gone: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_090",
    httpStatus: 409,
    text: {
      en_US: "The provider account that holds this video is not configured any more. Have it made again.",
      zh_CN: "保存该视频的供应商账户已不再配置。请重新生成。",
    },
  },
});
