import { Secret } from "@lyss/kit/config/secret.ts";
import { KafkaSendError, sendKafkaMessages } from "@lyss/kit/events/kafka-send.ts";
import type { Batch, SenderDeps } from "./batch.ts";
import type { ExportSpec } from "./export.ts";
import { ExportError } from "./export-error.ts";

const limitMs = 30_000;

/** One message for each record, by the call's id, acknowledged by all replicas. */
export async function sendToKafka(
  { clock }: SenderDeps,
  { servers, topic, tls, sasl }: Extract<ExportSpec, { kind: "kafka" }>,
  secret: string | undefined,
  { records }: Batch,
): Promise<{ readonly rejected: number }> {
  const login = sasl && { ...sasl, password: new Secret(secret ?? "") };
  const messages = records.map((record) => ({ key: record.id, value: JSON.stringify(record) }));
  try {
    await sendKafkaMessages({ servers, tls, sasl: login }, topic, messages, { clock, limitMs });
    return { rejected: 0 };
  } catch (err) {
    const code = err instanceof KafkaSendError ? err.code : undefined;
    throw code === undefined
      ? new ExportError({ reason: "unreachable" }, { cause: err })
      : new ExportError({ reason: "answered_with_error", code }, { cause: err });
  }
}
