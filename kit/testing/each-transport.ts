import { describe } from "node:test";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import type { AuditRecord } from "../rpc/audit.ts";
import { type CallGate, createCallGate } from "../rpc/call-gate.ts";
import type { CheckedRpc } from "../rpc/checked-rpc.ts";
import { interceptClient } from "../rpc/client-interceptor.ts";
import { connectPeer } from "../rpc/grpc-transport.ts";
import { createInProcessTransport } from "../rpc/in-process-transport.ts";
import { listenForPeers } from "../rpc/peer-listener.ts";
import { createPeerRouter } from "../rpc/peer-router.ts";
import { createRpcMetrics } from "../rpc/rpc-metrics.ts";
import { interceptServer } from "../rpc/server-interceptor.ts";
import { systemClock } from "../service/clock.ts";
import { openRpc } from "./open-rpc.ts";

/** One service served for a test under the name `echo`, and a client of it. */
export interface Served<Contract extends DescService> extends AsyncDisposable {
  readonly client: Client<Contract>;
  /** A client as the service of that name has it. `friend` may call, others may not. */
  clientFrom(service: string): Client<Contract>;
  /** What the audit was told. */
  readonly audited: readonly AuditRecord[];
  readonly gate: CallGate;
  readonly metrics: Registry;
  /** Every line that was logged, as JSON. */
  readonly logLines: readonly string[];
}

/** Serves an implementation until the result is disposed of. */
export type Serve = <Contract extends DescService>(
  contract: Contract,
  implementation: Partial<ServiceImpl<Contract>> | CheckedRpc<Contract>,
) => Promise<Served<Contract>>;

/** Declares the same tests twice: calling in process, and through gRPC over a loopback socket. */
export function eachTransport(title: string, declare: (serve: Serve) => void): void {
  describe(`${title}, in process`, () =>
    declare((contract, implementation) => serve(contract, implementation, reachInProcess)));
  describe(`${title}, over gRPC`, () =>
    declare((contract, implementation) => serve(contract, implementation, reachOverGrpc)));
}

interface Reached {
  readonly transport: Transport;
  close(): Promise<void>;
}

type Reach = <Contract extends DescService>(
  contract: Contract,
  implementation: ServiceImpl<Contract>,
) => Promise<Reached>;

async function serve<Contract extends DescService>(
  contract: Contract,
  implementation: Partial<ServiceImpl<Contract>> | CheckedRpc<Contract>,
  reach: Reach,
): Promise<Served<Contract>> {
  const logLines: string[] = [];
  const metrics = new Registry();
  const gate = createCallGate("echo");
  const shared = { service: "echo", clock: systemClock };
  const log = pino({}, { write: (line) => logLines.push(line) });
  const idempotent = contract.methods.map(({ localName }) => localName);
  const audited: AuditRecord[] = [];
  const audit = (record: AuditRecord) => void audited.push(record);
  const options = {
    ...shared,
    log,
    metrics: createRpcMetrics(metrics),
    gate,
    audit,
    callers: new Set(["friend"]),
    idempotent,
  };
  const rpc = isChecked(implementation) ? implementation : openRpc(contract, implementation);
  const { transport, close } = await reach(contract, interceptServer(rpc, options));
  return {
    client: createClient(contract, interceptClient(transport, shared)),
    clientFrom: (from) => createClient(contract, interceptClient(transport, { ...shared, from })),
    gate,
    metrics,
    audited,
    logLines,
    [Symbol.asyncDispose]: close,
  };
}

const reachInProcess: Reach = async (_contract, implementation) => ({
  transport: createInProcessTransport(implementation, systemClock),
  close: async () => {},
});

const reachOverGrpc: Reach = async (contract, implementation) => {
  const token = new Secret("the peers' token");
  const router = createPeerRouter(token, () => true, systemClock);
  router.mount(contract, implementation);
  const listener = await listenForPeers({
    host: "127.0.0.1",
    port: 0,
    router,
    onRequest: (_req, res) => res.writeHead(404).end(),
    clock: systemClock,
  });
  const peer = connectPeer(listener.url, token);
  return {
    transport: peer.transport,
    async close() {
      peer.close();
      await listener.close(AbortSignal.abort());
    },
  };
};

function isChecked<Contract extends DescService>(
  implementation: Partial<ServiceImpl<Contract>> | CheckedRpc<Contract>,
): implementation is CheckedRpc<Contract> {
  return "handlerOf" in implementation;
}
