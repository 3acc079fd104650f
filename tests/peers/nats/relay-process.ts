import { startBrokerRelay } from "@lyss/kit/events/broker-relay.ts";
import { connectNats } from "@lyss/kit/events/nats-transport.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { brokerTypes } from "@lyss/kit/testing/broker-contract.ts";
import { openEventNode } from "@lyss/kit/testing/event-log.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";

// A relay in a process of its own, to be killed: `node relay-process.ts <database url> <address of the broker>`.
const [adminUrl = "", address = ""] = process.argv.slice(2);
const { hearerDb: db, feed } = await openEventNode({ after: () => {} }, { adminUrl });
const transport = await connectNats({ servers: [address] });
await startBrokerRelay({
  types: brokerTypes,
  db,
  transport,
  listener: feed.listener,
  log: silentLog,
  clock: systemClock,
});
