import { z } from "zod";

/** Settings of what speaks WebSocket. */
export const connectionSettings = {
  realtime: z
    .strictObject({
      maxSessionMs: z
        .int()
        .min(1_000)
        .max(86_400_000)
        .default(3_600_000)
        .describe("How long a session of `/v1/realtime` may last."),
      pingMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(20_000)
        .describe(
          "How often both ends of a session are asked whether they are there; who does not answer until the next time is gone.",
        ),
      idleMs: z
        .int()
        .min(1_000)
        .max(86_400_000)
        .default(1_800_000)
        .describe("How long a session may last in which neither end says anything."),
      maxSessions: z.int().min(1).max(1_000_000).default(1_000).describe("Sessions that a process has open at once."),
      maxSessionsPerTenant: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(500)
        .describe("Sessions that a tenant has open at once, at the gateway processes on one port together."),
      maxSessionsPerKey: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(100)
        .describe("The same of an API key, its ephemeral keys included, or of a person who calls without one."),
      maxMessageBytes: z
        .int()
        .min(1_024)
        .max(67_108_864)
        .default(16_777_216)
        .describe("The longest message of a session; OpenAI takes 15 MiB of sound in one."),
      maxContextTokens: z
        .int()
        .min(1_024)
        .max(10_000_000)
        .default(131_072)
        .describe("What a model may read for one response at most: money for more is never set aside."),
    })
    .prefault({})
    .describe("Sessions of `/v1/realtime`; see guides/realtime.md."),
  responseConnections: z
    .strictObject({
      maxConnectionMs: z
        .int()
        .min(1_000)
        .max(86_400_000)
        .default(3_600_000)
        .describe("How long a connection may last; a response that has begun by then goes on to its end."),
      pingMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(20_000)
        .describe(
          "How often a client is asked whether it is there; one that does not answer until the next time is gone.",
        ),
      maxMessageBytes: z
        .int()
        .min(1_024)
        .max(67_108_864)
        .default(33_554_432)
        .describe("The longest message of a client, and the most that all of its messages may hold that wait."),
      maxWaiting: z
        .int()
        .min(0)
        .max(1_000)
        .default(16)
        .describe("How many messages of a client may wait for the response under way to end."),
    })
    .prefault({})
    .describe("WebSockets of `/v1/responses`; see guides/surfaces.md."),
};
