type Bench = (args: readonly string[]) => Promise<void>;

/** Every benchmark by its name, loaded when it is asked for: what another one brings along is not measured. Each gets the arguments after it. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  billing: async () => (await import("./billing/run.ts")).runBillingBench,
  bodies: async () => (await import("./scan/worst-bodies.ts")).runBodiesBench,
  console: async () => (await import("./console/run.ts")).runConsoleBench,
  gateway: async () => (await import("./gateway/run.ts")).runGatewayBench,
  identity: async () => (await import("./identity/run.ts")).runIdentityBench,
  kit: async () => (await import("./kit/run.ts")).runKitBench,
  scan: async () => (await import("./scan/run.ts")).runScanBench,
  "scenario-r3": async () => (await import("./scenarios/overload.ts")).runOverload,
  "scenario-d1": async () => (await import("./scenarios/event-order.ts")).runEventOrder,
};

const [name = "", ...args] = process.argv.slice(2);
const load = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (load) {
  try {
    await (await load())(args);
  } catch (err) {
    console.error(`bench ${name}: ${err instanceof Error ? err.message : String(err)}`);
    process.exitCode = 1;
  }
} else {
  console.error(`usage: npm run bench -- <name> [--quick]\nnames: ${Object.keys(benches).join(", ")}`);
  process.exitCode = 2;
}
