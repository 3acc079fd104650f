import { Gauge, type Registry } from "prom-client";
import type { IntegrityRun } from "./finding.ts";

/** What the last check of the journal that ended came to. Read when somebody asks. */
export function watchIntegrity(registry: Registry, findLastEnded: () => Promise<IntegrityRun | undefined>): void {
  new Gauge({
    name: "billing_integrity_findings",
    help: "What the last check of the journal found wrong; absent before the first.",
    registers: [registry],
    async collect() {
      this.reset();
      const run = await findLastEnded().catch(() => undefined);
      if (run) this.set(Number(run.findingCount));
      else this.remove();
    },
  });
  new Gauge({
    name: "billing_integrity_last_check_timestamp_seconds",
    help: "When the last check of the journal ended.",
    registers: [registry],
    async collect() {
      const run = await findLastEnded().catch(() => undefined);
      if (run?.endedAt) this.set(run.endedAt.getTime() / 1_000);
    },
  });
}
