import { openEventNode } from "../testing/event-log.ts";
import { testHandlers } from "../testing/handler-contract.ts";

testHandlers("PostgreSQL", async (t) => {
  const { writerDb, hearerDb, hear } = await openEventNode(t);
  return { writerDb, hearerDb, hear: (subscription, clock) => hear([subscription], clock) };
});
