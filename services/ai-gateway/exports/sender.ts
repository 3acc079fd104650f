import type { Batch, SenderDeps } from "./batch.ts";
import type { ExportSpec } from "./export.ts";
import { sendToKafka } from "./send-to-kafka.ts";
import { sendToOtlp } from "./send-to-otlp.ts";
import { sendToS3 } from "./send-to-s3.ts";

/** Sends a batch and gives how many of it were refused one by one. Throws an ExportError. A repeat sends the records again. */
export function sendBatch(
  deps: SenderDeps,
  spec: ExportSpec,
  secret: string | undefined,
  batch: Batch,
): Promise<{ readonly rejected: number }> {
  switch (spec.kind) {
    case "s3":
      return sendToS3(deps, spec, secret ?? "", batch);
    case "otlp":
      return sendToOtlp(deps, spec, secret, batch);
    case "kafka":
      return sendToKafka(deps, spec, secret, batch);
  }
}
