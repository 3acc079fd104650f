import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where mirrors of routes are concerned. */
export const mirrorFailures = defineFailures("ai_gateway", {
  route_mirror_unknown: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_099",
    text: {
      en_US: "mirror: the provider '{provider}' offers no model '{model}'. GET /api/v1/ai/providers lists both.",
      zh_CN: "mirror：供应商“{provider}”不提供模型“{model}”，可用者见 GET /api/v1/ai/providers。",
    },
  },
});
