import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgres } from "@lyss/kit/db/driver.ts";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { openPeerClients, type PeerClient } from "../peer-clients.ts";
import { type RunningPlatform, runPlatform } from "../run-platform.ts";

const coreServices = "audit,auth,billing,credential,event,group,sso,tenant,user,workflow";
const gatewayServices = "ai-gateway,api-gateway";

/** Several gateway processes before one that keeps the books, on one database and one data directory. */
export interface GatewayFleet {
  /** By number; a gateway that was replaced gives way to its successor. */
  readonly gateways: RunningPlatform[];
  /** Kills that gateway by signal 9 and starts another in its place. Resolves when that one is ready. */
  replace(number: number): Promise<void>;
  /** Kills every process by signal 9 and starts as many others. Resolves when all are ready. */
  replaceAll(): Promise<void>;
  /** Calls the services of the process that keeps the books. */
  readonly client: PeerClient;
  /** The database, looked at from outside. */
  readonly sql: ReturnType<typeof postgres>;
}

/** Starts them; they end with the scope. */
export async function runGatewayFleet(t: TestScope, size: number, config: object): Promise<GatewayFleet> {
  const scope = closeInReverse(t);
  const dataDir = mkdtempSync(join(tmpdir(), "lyss-fleet-"));
  scope.after(async () => rmSync(dataDir, { recursive: true, force: true }));
  const { url } = await createOwnServer(scope).start();
  const sql = postgres(url, { max: 1 });
  scope.after(() => sql.end());
  const [corePort = 0, ...ports] = await findFreePorts(size + 1);
  const peers = coreServices.split(",").flatMap((name) => ["--peer", `${name}=http://127.0.0.1:${corePort}`]);
  const options = { dataDir, config: { database: { url }, ...config } };

  const startGateway = (number: number) =>
    runPlatform(scope, {
      ...options,
      args: ["--run", gatewayServices, "--rpc-port", String(ports[number]), ...peers],
    });
  const startCore = () =>
    runPlatform(scope, {
      ...options,
      args: ["--run", coreServices, "--rpc-port", String(corePort)],
      readyWhen: /program is running/,
    });
  let core = await startCore();
  const [first, ...others] = [
    await startGateway(0),
    ...(await Promise.all(Array.from({ length: size - 1 }, (_, i) => startGateway(i + 1)))),
  ];
  const gateways = first ? [first, ...others] : [];
  const coreUrl = `http://127.0.0.1:${corePort}`;
  const client = openPeerClients(
    scope,
    dataDir,
    Object.fromEntries(coreServices.split(",").map((name) => [name, coreUrl])),
  );
  return {
    ...{ gateways, sql, client },
    async replace(number) {
      await gateways[number]?.kill();
      gateways[number] = await startGateway(number);
    },
    async replaceAll() {
      await Promise.all([core, ...gateways].map((each) => each.kill()));
      core = await startCore();
      gateways.splice(0, size, ...(await Promise.all(gateways.map((_gateway, number) => startGateway(number)))));
    },
  };
}
