import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { findFreePort } from "@lyss/kit/testing/peer-program.ts";
import { readUsage, spawnPinned, stop } from "./processes.ts";
import {
  findDatabaseId,
  prepareLyss,
  processId,
  readWhenWritten,
  repositoryRoot,
  type StartSystem,
  type System,
  stopDatabase,
  systemCore,
  untilReady,
  withoutConsole,
} from "./systems.ts";

const gatewayServices = "ai-gateway,api-gateway";
const otherServices = "audit,auth,billing,credential,event,group,sso,tenant,user,workflow";
const pollMs = 50;

/**
 * One gateway process, whose other services are a process of their own, and nothing but it is measured. All are on one core, as every
 * system is: two cores may be halves of one, and a busy half slows down the other.
 */
export const startGatewayApart: StartSystem = (mockPort) => startApart([], mockPort);

/** The same, with options of Node for the gateway process. */
export function startGatewayApartWith(nodeArgs: readonly string[]): StartSystem {
  return (mockPort) => startApart(nodeArgs, mockPort);
}

async function startApart(nodeArgs: readonly string[], mockPort: number): Promise<System> {
  const { folder, dataDir, config } = prepareLyss(mockPort);
  const [port, rpcPort] = [await findFreePort(), await findFreePort()];
  const env = {
    ...withoutConsole,
    LYSS_DATA_DIR: dataDir,
    LYSS_HTTP_PORT: String(port),
    LYSS_RPC_BOOT_TIMEOUT_MS: "60000",
  };
  const start = (options: readonly string[], ...args: string[]) => {
    const command = [...options, join(repositoryRoot, "bin/lyss"), "up", "--config", config, ...args];
    const child = spawnPinned(systemCore, process.execPath, command, { env });
    // Nobody reads what it says, and a full pipe would stop it.
    child.stdout?.resume();
    return child;
  };
  const started: ChildProcess[] = [];
  const end = async () => {
    const databaseId = findDatabaseId(dataDir);
    for (const child of started.toReversed()) await stop(child);
    await stopDatabase(databaseId);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const others = start([], "--run", otherServices, "--rpc-port", String(rpcPort));
    started.push(others);
    // Whoever comes first starts the database, as its child.
    while (findDatabaseId(dataDir) === undefined) {
      if (others.exitCode !== null) throw new Error(`the other services ended with ${others.exitCode}`);
      await delay(systemClock, pollMs);
    }
    const peers = otherServices.split(",").flatMap((name) => ["--peer", `${name}=http://127.0.0.1:${rpcPort}`]);
    const gateway = start(nodeArgs, "--run", gatewayServices, "--rpc-port", "0", ...peers);
    started.push(gateway);
    await untilReady(gateway, port, "/health/ready");
    const { apiKey, adminPassword } = JSON.parse(await readWhenWritten(join(dataDir, "first-run.json")));
    return {
      name: "gateway",
      port,
      adminPassword,
      headers: ["Content-Type: application/json", `Authorization: Bearer ${apiKey}`],
      measure: () => ({ gateway: readUsage(processId(gateway)) }),
      stop: end,
    };
  } catch (err) {
    await end();
    throw err;
  }
}
