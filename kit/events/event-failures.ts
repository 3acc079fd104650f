import { defineFailures } from "../errors/failure.ts";

/** Failures of the event log that a caller may expect. */
export const eventFailures = defineFailures("event", {
  wrong_expected_revision: {
    kind: "aborted",
    publicCode: "EVENT_001",
    text: {
      en_US: "Somebody else changed this first: it is at revision {current}. Load it again.",
      zh_CN: "内容已被他人更改，当前修订号为 {current}。请重新加载。",
    },
  },
});
