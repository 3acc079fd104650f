import { mkdtempSync } from "node:fs";
import { openSpool } from "@lyss/kit/spool/spool.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { createFactJournal } from "@lyss/services/ai-gateway/funds/fact-journal.ts";
import { beginFact, endFact } from "@lyss/services/ai-gateway/funds/call-fact.ts";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { pino } from "pino";
const log = pino({ level: "silent" });
const { spool } = openSpool({ root: mkdtempSync("/tmp/pend-"), clock, log });
const billing: any = { postFacts: () => new Promise((r) => setTimeout(r, 500)) };
const journal = createFactJournal({ spool, billing, nodeId: "n", clock, log });
const call: any = { callId: "", requestId: "req_01abcdefghijklmnopqrstuv", tenantId: "ten_01abcdefghijklmnopqrstuv", keyId: "key_01abcdefghijklmnopqrstuv", userId: "usr_01abcdefghijklmnopqrstuv", provider: "mock", model: "mock-model", tags: "" };
const at = { priceId: "prc_01abcdefghijklmnopqrstuv", leaseId: "lse_01abcdefghijklmnopqrstuv", startedAtMs: 1700000000000n };
const show = (n: number) => { const m = process.memoryUsage(); console.log(n, journal.pending, "rss", m.rss >> 20, "heap", m.heapUsed >> 20, "ab", m.arrayBuffers >> 20, "ext", m.external >> 20); };
show(0);
for (let n = 1; n <= 200000; n++) {
  const fact = beginFact({ ...call, callId: "call_" + n }, at);
  const attempt = journal.begin(fact);
  attempt.written.then(() => { endFact(fact, { outcome: CallOutcome.COMPLETED, tokens: { inputTokens: 5n, cachedInputTokens: 0n, outputTokens: 4n }, isEstimated: false, latencyMs: 1 } as any); const d = { a: n }; return journal.end(attempt, () => void d.a++); });
  if (n % 20 === 0) await new Promise(setImmediate);
  if (n % 25000 === 0) { (globalThis as any).gc?.(); show(n); }
}
process.exit();
