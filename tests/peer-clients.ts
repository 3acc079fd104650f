import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import type { ClientOf } from "@lyss/kit/service/program.ts";
import { createTransports } from "@lyss/kit/service/transports.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { createKeyDerivation, derivePeerToken, loadRootKey } from "../apps/platform/root-key.ts";

export type PeerClient = <Contract extends DescService>(service: ClientOf<Contract>) => Client<Contract>;

/** Calls services of a running installation over gRPC, as another of its processes would; `peers` says where each is. */
export function openPeerClients(t: TestScope, dataDir: string, peers: Readonly<Record<string, string>>): PeerClient {
  const peerToken = derivePeerToken(createKeyDerivation(loadRootKey(dataDir, undefined)));
  const transports = createTransports({ peers, peerToken, clock });
  t.after(async () => transports.close());
  return (service) => {
    if (!service.contract) throw new TypeError(`service ${service.name} has no contract`);
    return createClient(service.contract, transports.to(service.name));
  };
}
