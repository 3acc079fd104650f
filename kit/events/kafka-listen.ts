import type { BaseOptions, Message } from "@platformatic/kafka";
import { type BrokerDelivery, fromAttributes, type Hearing } from "./broker-transport.ts";
import type { KafkaModule } from "./kafka-client.ts";
import { readHeaders, toLane } from "./kafka-topics.ts";

type TextMessage = Message<string, string, string, string>;

const rebalanceTimeoutMs = 30_000;
const fetchWaitMs = 1_000;
/** Messages that wait here for those before them in their partitions; more are not read meanwhile. */
const waitingLimit = 500;

/**
 * Gives the messages of some topics to `hearing.take` as a member of a consumer group: see `BrokerTransport.listen`. An
 * offset is committed after its `take` has resolved with true. Where a group's partitions move, two members may have the
 * same messages for a while; each takes them in order, and the taker knows what has been handled.
 */
export async function listenToKafka(
  kafka: KafkaModule,
  options: BaseOptions & { readonly groupId: string; readonly sessionTimeout: number },
  topics: readonly string[],
  hearing: Hearing,
  ensureTopics: () => Promise<void>,
): Promise<void> {
  await ensureTopics();
  const consumer = new kafka.Consumer<string, string, string, string>({
    ...options,
    groupProtocol: "classic",
    autocommit: false,
    heartbeatInterval: options.sessionTimeout / 3,
    rebalanceTimeout: rebalanceTimeoutMs,
    maxWaitTime: fetchWaitMs,
    deserializers: kafka.stringDeserializers,
  });
  const lanes = new Map<string, Promise<void>>();
  let waiting = 0;
  let makeRoom: (() => void) | undefined;
  let isEnding = false;
  let closing: Promise<void> | undefined;
  let end = () => {};
  let lost: { readonly cause: unknown } | undefined;
  const onLost = (cause: unknown) => {
    lost ??= { cause };
    end();
  };
  // One that has no place in its group any more, and cannot have one again, would hear nothing for ever.
  consumer.on("error", onLost);
  consumer.on("consumer:heartbeat:stalled", onLost);

  async function handle(message: TextMessage): Promise<void> {
    if (!isEnding && (await hearing.take(toDelivery(message)))) {
      // Not waited for: what is handled is known by whoever hears it again. Offsets of one partition go up together.
      void (async () => message.commit())().catch(() => {});
    } else {
      end();
    }
    waiting -= 1;
    makeRoom?.();
  }

  try {
    const stream = await consumer.consume({
      topics: [...topics],
      mode: "committed",
      fallbackMode: "earliest",
      autocommit: false,
    });
    end = () => {
      isEnding = true;
      closing ??= stream.close().catch(() => {});
    };
    // Told by the loop below; what comes while it closes is of no interest.
    stream.on("error", () => {});
    hearing.signal.addEventListener("abort", end);
    if (hearing.signal.aborted || lost) end();
    for await (const message of stream) {
      if (isEnding) continue;
      const lane = toLane(message.topic, message.partition);
      waiting += 1;
      lanes.set(
        lane,
        (lanes.get(lane) ?? Promise.resolve()).then(() => handle(message)),
      );
      while (waiting >= waitingLimit) await new Promise<void>((resolve) => (makeRoom = resolve));
    }
    if (lost && !hearing.signal.aborted) throw new Error("this member has lost its place in the group", lost);
  } finally {
    hearing.signal.removeEventListener("abort", end);
    isEnding = true;
    await Promise.all(lanes.values());
    await closing;
    await consumer.close(true).catch(() => {});
  }
}

function toDelivery(message: TextMessage): BrokerDelivery {
  return {
    place: `${toLane(message.topic, message.partition)}/${message.offset}`,
    // Kafka does not count.
    attempts: 1,
    toEvent: () => fromAttributes(readHeaders(message.headers), () => JSON.parse(message.value)),
    // A partition is a member's for as long as its heart beats.
    extend: () => {},
  };
}
