import { secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { findProducerConflict } from "@lyss/kit/events/kafka-client.ts";
import { z } from "zod";

const brokers = ["nats", "kafka"];

/** The section `events`: how the event log is kept, and which broker carries copies of it. */
export const eventsConfig = z
  .strictObject({
    transport: z
      .enum(["postgres", "nats", "kafka"])
      .default("postgres")
      .describe(
        "Where services hear events from: the log in PostgreSQL itself, or a broker that carries copies of it. Change it while no process runs.",
      ),
    servers: z
      .array(z.string().max(255))
      .max(32)
      .default([])
      .describe("host:port of servers of the broker's cluster; the others are found through them."),
    tls: z
      .boolean()
      .default(false)
      .describe("Speak TLS with the broker; its certificate must be one that Node trusts."),
    token: secretSchema.optional().describe("NATS: the token to connect with."),
    sasl: z
      .strictObject({
        mechanism: z
          .enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
          .default("SCRAM-SHA-512")
          .describe("Kafka: how to log in. PLAIN only over TLS."),
        username: z.string().min(1).max(255).describe("Kafka: the user to log in as."),
        password: secretSchema.describe("Kafka: that user's password."),
      })
      .optional(),
    replicas: z
      .int()
      .min(1)
      .max(9)
      .optional()
      .describe(
        "Copies of each message in streams and topics that are made. Kafka: 3 unless given, or as many as there are brokers; NATS: 1.",
      ),
    retentionMs: z
      .int()
      .min(3_600_000)
      .max(315_360_000_000)
      .default(2_592_000_000)
      .describe(
        "How long the log keeps every event at least; 30 days. With a broker at least two days longer than the broker does.",
      ),
    producer: z
      .strictObject({
        idempotence: z.boolean().default(true).describe("Kafka: `enable.idempotence`. Nothing starts without it."),
        acks: z.enum(["all", "1", "0"]).default("all").describe("Kafka: `acks`. Nothing starts with less than all."),
      })
      .prefault({}),
  })
  .superRefine((events, context) => {
    const { transport, servers, tls, token, sasl, producer } = events;
    const refuse = (path: string, en: string, zh: string) =>
      context.addIssue({ code: "custom", path: path.split("."), message: inBothLanguages(en, zh) });
    const isBroker = brokers.includes(transport);
    if (isBroker && servers.length === 0) {
      refuse(
        "servers",
        `must name a server of ${transport}, as host:port`,
        `必须列出 ${transport} 的服务器（主机:端口）`,
      );
    }
    if (!isBroker && servers.length > 0) {
      refuse(
        "servers",
        "is for a broker: set events.transport to nats or kafka",
        "仅用于消息代理：请将 events.transport 设为 nats 或 kafka",
      );
    }
    for (const [index, server] of servers.entries()) {
      if (!isHostAndPort(server)) refuse(`servers.${index}`, "must be host:port", "必须为 主机:端口");
    }
    if (token && transport !== "nats")
      refuse("token", "is for NATS; Kafka logs in by sasl", "仅用于 NATS；Kafka 通过 sasl 登录");
    if (sasl && transport !== "kafka")
      refuse("sasl", "is for Kafka; NATS takes a token", "仅用于 Kafka；NATS 使用 token");
    if (sasl?.mechanism === "PLAIN" && !tls) {
      refuse(
        "sasl.mechanism",
        "PLAIN would send the password in the clear: set events.tls",
        "PLAIN 会以明文发送密码：请启用 events.tls",
      );
    }
    const conflict = findProducerConflict(producer);
    if (conflict) refuse(`producer.${conflict.setting}`, conflict.text.en_US, conflict.text.zh_CN);
  })
  .prefault({});

export type EventsConfig = z.output<typeof eventsConfig>;

/** A host name, IPv4 or [IPv6] address, and a port from 1 to 65535. */
function isHostAndPort(text: string): boolean {
  const match = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(text);
  const port = Number(match?.[1]);
  return port >= 1 && port <= 65_535;
}
