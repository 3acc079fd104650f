import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where changes of routes are tried by some callers first. */
export const rolloutFailures = defineFailures("ai_gateway", {
  rollout_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_143",
    text: {
      en_US: "No change of the route '{name}' is or was tried by a share of its callers.",
      zh_CN: "路由“{name}”没有正在进行或已结束的分阶段发布。",
    },
  },
  rollout_running: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_144",
    httpStatus: 409,
    text: {
      en_US: "A change of the route '{name}' is being tried by a share of its callers. Promote or stop it first.",
      zh_CN: "路由“{name}”的变更正在分阶段发布，请先推进或停止该发布。",
    },
  },
  rollout_ended: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_145",
    httpStatus: 409,
    text: {
      en_US: "The trial of the route '{name}' has ended: {state}.",
      zh_CN: "路由“{name}”的分阶段发布已结束：{state}。",
    },
  },
});
