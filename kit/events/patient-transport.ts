import type { BrokerTransport } from "./broker-transport.ts";

/**
 * A transport that connects when it is first used, and again at the next use when that failed: a program can start while
 * its broker is away. Each use rejects as `connect` did.
 */
export function createPatientTransport(
  known: Pick<BrokerTransport, "name" | "topics">,
  connect: () => Promise<BrokerTransport>,
): BrokerTransport {
  let connecting: Promise<BrokerTransport> | undefined;

  function open(): Promise<BrokerTransport> {
    connecting ??= connect().catch((err: unknown) => {
      connecting = undefined;
      throw err;
    });
    return connecting;
  }

  return {
    ...known,
    publish: async (rows, isUnsure) => (await open()).publish(rows, isUnsure),
    findEnds: async () => (await open()).findEnds(),
    listen: async (hearing) => (await open()).listen(hearing),
    readLag: async (group) => (await open()).readLag(group),
    listTopics: async () => (await open()).listTopics(),
    createTopic: async (topic) => (await open()).createTopic(topic),
    raisePartitions: async (topic, count) => (await open()).raisePartitions(topic, count),
    async close() {
      const transport = await connecting?.catch(() => undefined);
      await transport?.close();
    },
  };
}
