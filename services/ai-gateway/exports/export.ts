import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

export const exportNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    inBothLanguages("must be 1 to 63 of a-z, 0-9, '.', '_' and '-'", "必须由 1 到 63 个 a-z、0-9、“.”、“_”或“-”组成"),
  );

const urlSchema = z.url({ protocol: /^https?$/ }).max(500);
const fields = {
  max_records: z
    .int()
    .min(1)
    .max(1_000)
    .default(1_000)
    .describe("Records sent at once; as many are sent as soon as they are there, but no more than 4 MiB."),
  max_age_seconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(60)
    .describe("After so long a record is sent, however few there are."),
  bodies: z
    .boolean()
    .default(false)
    .describe("Whether what is said in calls goes along, where the tenant keeps it. Not for exports of the platform."),
};

/** Where records go and how, but for the secret; as callers write it. */
export const exportSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("s3"),
    endpoint: urlSchema.describe("Of S3 or what speaks its API, such as https://s3.eu-central-1.amazonaws.com."),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/)
      .default("us-east-1"),
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9!_.*'()=/-]{0,200}$/)
      .default("lyss")
      .describe("Objects are `<prefix>/yyyy/mm/dd/hh/….jsonl.gz`."),
    access_key_id: z.string().regex(/^[\w./+=-]{1,128}$/),
    ...fields,
  }),
  z.strictObject({
    kind: z.literal("kafka"),
    servers: z
      .array(z.string().regex(/^[A-Za-z0-9.[\]:-]{1,255}:\d{1,5}$/))
      .min(1)
      .max(20)
      .describe("`host:port` of brokers. Only for exports of the platform."),
    topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/),
    tls: z.boolean().default(true),
    sasl: z
      .strictObject({
        mechanism: z.enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
        username: z.string().min(1).max(200),
      })
      .optional()
      .describe("With the password as `secret`."),
    ...fields,
  }),
  z.strictObject({
    kind: z.literal("otlp"),
    url: urlSchema.describe("Where logs are taken by OTLP over HTTP, such as https://collector.example.com/v1/logs."),
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/)
      .default("authorization")
      .describe("The header that has the `secret`, if there is one."),
    ...fields,
  }),
]);

export type ExportSpec = z.output<typeof exportSchema>;
export type ExportKind = ExportSpec["kind"];

/** Names an export: of a tenant, or of the platform, whose tenant is empty and which has the records of all. */
export interface ExportName {
  readonly tenantId: string;
  readonly name: string;
}

export const exportStates = ["active", "paused", "failed"] as const;

/** Why the last try did not succeed; without words of the other side's, but its status and a code that looks like one. */
export interface ExportProblem {
  readonly reason: ExportReason;
  readonly status?: number;
  readonly code?: string;
}

export const exportReasons = [
  ...["unreachable", "timeout", "address_refused", "answered_with_error", "too_large"],
  ...["secret_unreadable", "place_lost", "internal"],
] as const;
export type ExportReason = (typeof exportReasons)[number];

export interface Export extends ExportName {
  readonly spec: ExportSpec;
  readonly hasSecret: boolean;
  /** 1 when it was made; one more with each change of what it is. */
  readonly version: number;
  readonly state: (typeof exportStates)[number];
  readonly problem: ExportProblem | null;
  /** Tries without success in a row. */
  readonly failures: number;
  readonly sentRecords: bigint;
  readonly sentBatches: bigint;
  /** That the other side has taken as a batch and refused one by one. */
  readonly rejectedRecords: bigint;
  readonly lastSentAt: Date | null;
  /** When the oldest record was recorded that has still to be sent; null where there is none. */
  readonly waitingSince: Date | null;
  readonly nextRunAt: Date;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What the secret of an export may be sent to: with another it has to be given anew. */
export function placeOf(spec: ExportSpec): string {
  switch (spec.kind) {
    case "s3":
      return `s3 ${spec.endpoint} ${spec.access_key_id}`;
    case "kafka":
      return `kafka ${spec.servers.join(",")} ${spec.sasl?.username ?? ""}`;
    case "otlp":
      return `otlp ${spec.url} ${spec.header.toLowerCase()}`;
  }
}

/** Whether it cannot do without one. */
export function needsSecret(spec: ExportSpec): boolean {
  return spec.kind === "s3" || (spec.kind === "kafka" && spec.sasl !== undefined);
}
