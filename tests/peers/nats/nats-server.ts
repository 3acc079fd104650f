import { rmSync } from "node:fs";
import { join } from "node:path";
import { createPeerFolder, createPeerProgram, findFreePort, type PeerProgram } from "@lyss/kit/testing/peer-program.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** A NATS server of our own with JetStream. Started again it has what is on disk. */
export interface NatsServer extends PeerProgram {
  readonly address: string;
  /** Everything that it has stored is lost. While it does not run. */
  wipe(): void;
}

/** Starts one on a free loopback port, in a folder of its own. */
export async function startNats(t: TestScope): Promise<NatsServer> {
  const scope = closeInReverse(t);
  const port = await findFreePort();
  const store = join(createPeerFolder(scope, "nats"), "store");
  const args = ["--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", store];
  const server = createPeerProgram(scope, { command: "nats-server", args, readyText: "Server is ready" });
  await server.start();
  return {
    ...server,
    address: `127.0.0.1:${port}`,
    wipe: () => rmSync(store, { recursive: true, force: true }),
  };
}
