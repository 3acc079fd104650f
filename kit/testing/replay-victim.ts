import { systemClock } from "../service/clock.ts";
import { openEventNode } from "./event-log.ts";
import { replayedEffects } from "./handler-contract.ts";

// A node that dies in the hands of a replay: `node replay-victim.ts <database url> <event at which it dies>`.
const [adminUrl = "", last = ""] = process.argv.slice(2);
const { hear } = await openEventNode({ after: () => {} }, { adminUrl });
const subscription = {
  ...replayedEffects,
  handle: (async (tx, event) => {
    await replayedEffects.handle(tx, event);
    if (event.replayId !== undefined && (event.data as { value?: string }).value === last) {
      process.kill(process.pid, "SIGKILL");
    }
  }) satisfies typeof replayedEffects.handle,
};
await hear([subscription], systemClock);
