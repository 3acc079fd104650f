import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where answers from the cache, and what is compared in meaning, are concerned. */
export const cacheFailures = defineFailures("ai_gateway", {
  cache_policy_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_031",
    text: {
      en_US: "No answers come from the cache here, except for calls that ask for it by the header lyss-cache.",
      zh_CN: "此处未启用缓存；仅当请求带有 lyss-cache 标头时才使用缓存。",
    },
  },
  route_embedding_missing: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_127",
    text: {
      en_US: "embedding: must name a model that makes vectors, since a target has `when.meaning`.",
      zh_CN: "embedding：目标含有 `when.meaning` 时，必须指定一个可生成向量的模型。",
    },
  },
  embedding_model_unknown: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_098",
    text: {
      en_US:
        "There is no model '{model}' here that makes vectors. GET /v1/models lists what there is; add a provider of one first.",
      zh_CN: "没有可生成向量的模型“{model}”。可用模型见 GET /v1/models；请先添加提供该模型的供应商。",
    },
  },
});
