import { startBrokerRelay } from "@lyss/kit/events/broker-relay.ts";
import { connectKafka } from "@lyss/kit/events/kafka-transport.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { brokerTypes } from "@lyss/kit/testing/broker-contract.ts";
import { openEventNode } from "@lyss/kit/testing/event-log.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { toTestTopic } from "./test-topic.ts";

// A relay in a process of its own, to be killed: `node relay-process.ts <database url> <address of the broker> <topic>`.
const [adminUrl = "", address = "", topic = ""] = process.argv.slice(2);
const { hearerDb: db, feed } = await openEventNode({ after: () => {} }, { adminUrl });
const transport = await connectKafka({ servers: [address], topics: [toTestTopic(topic)] }, systemClock);
await startBrokerRelay({
  types: brokerTypes,
  ...{ db, transport, listener: feed.listener, log: silentLog, clock: systemClock },
});
