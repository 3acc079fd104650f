import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { connectNats } from "@lyss/kit/events/nats-transport.ts";
import { testBroker } from "@lyss/kit/testing/broker-contract.ts";
import { startNats } from "./nats-server.ts";

const relayProcess = fileURLToPath(new URL("./relay-process.ts", import.meta.url));

testBroker("NATS", async (scope) => {
  const server = await startNats(scope);
  // A window for duplicates that passes within the test: nothing may depend on it.
  const transport = await connectNats({ servers: [server.address], duplicateWindowMs: 100 });
  scope.after(transport.close);
  return {
    transport,
    kill: server.kill,
    start: server.start,
    wipe: async () => server.wipe(),
    drop: async () => void (await transport.manager.streams.delete(transport.stream)),
    spawnRelay: (adminUrl) => spawn(process.execPath, [relayProcess, adminUrl, server.address], { stdio: "ignore" }),
  };
});
