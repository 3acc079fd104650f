import { defineFailures } from "../errors/failure.ts";

/** Why a program cannot start, in words for the operator. */
export const bootFailures = defineFailures("boot", {
  unknown_service: {
    kind: "invalid_argument",
    publicCode: "BOOT_001",
    text: {
      en_US: "{option} names the service '{service}', which does not exist. There are: {known}.",
      zh_CN: "{option} 中的服务“{service}”不存在。可用的服务：{known}。",
    },
  },
  unreachable_need: {
    kind: "failed_precondition",
    publicCode: "BOOT_002",
    text: {
      en_US: "{service} is needed by {neededBy} but is neither in --run nor in peers.",
      zh_CN: "{neededBy} 需要 {service}，但它既不在 --run 中，也不在 peers 中。",
    },
  },
  undeclared_need: {
    kind: "failed_precondition",
    publicCode: "BOOT_003",
    text: {
      en_US: "{neededBy} needs {service}, which is not a service of this program.",
      zh_CN: "{neededBy} 需要 {service}，但本程序中没有该服务。",
    },
  },
  cycle: {
    kind: "failed_precondition",
    publicCode: "BOOT_004",
    text: {
      en_US: "Services need each other in a circle: {path}. Close it with an event instead.",
      zh_CN: "服务之间存在循环依赖：{path}。请用事件代替其中一个调用。",
    },
  },
  missing_config: {
    kind: "failed_precondition",
    publicCode: "BOOT_005",
    text: {
      en_US: "{service} reads the configuration section '{section}', which was not given.",
      zh_CN: "{service} 需要配置项“{section}”，但未提供。",
    },
  },
  missing_database: {
    kind: "failed_precondition",
    publicCode: "BOOT_006",
    text: {
      en_US: "These services keep or hear data, and no database was given: {services}.",
      zh_CN: "以下服务需要数据库，但未提供：{services}。",
    },
  },
  peer_missing: {
    kind: "unavailable",
    publicCode: "BOOT_007",
    isRetryable: true,
    text: {
      en_US: "{service} did not serve at {address} within {timeoutMs} ms: {reason}",
      zh_CN: "{service} 在 {timeoutMs} 毫秒内未在 {address} 提供服务：{reason}",
    },
  },
  start_failed: {
    kind: "internal",
    publicCode: "BOOT_008",
    text: { en_US: "{service} could not start.", zh_CN: "{service} 无法启动。" },
  },
});
