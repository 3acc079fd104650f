import { runBillingBench } from "./billing/run.ts";
import { runGatewayBench } from "./gateway/run.ts";
import { runKitBench } from "./kit/run.ts";
import { runEventOrder } from "./scenarios/event-order.ts";

/** Every benchmark by its name; each gets the arguments after it. */
const benches: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  billing: runBillingBench,
  gateway: runGatewayBench,
  kit: runKitBench,
  "scenario-d1": runEventOrder,
};

const [name = "", ...args] = process.argv.slice(2);
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (bench) {
  try {
    await bench(args);
  } catch (err) {
    console.error(`bench ${name}: ${err instanceof Error ? err.message : String(err)}`);
    process.exitCode = 1;
  }
} else {
  console.error(`usage: npm run bench -- <name> [--quick]\nnames: ${Object.keys(benches).join(", ")}`);
  process.exitCode = 2;
}
