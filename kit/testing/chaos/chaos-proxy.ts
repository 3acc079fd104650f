import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Clock, delay } from "../../service/clock.ts";
import { type ChaosFaults, checkFaults } from "./chaos-faults.ts";
import { type ChaosPump, startPump } from "./chaos-pump.ts";
import { createDraws } from "./chaos-seed.ts";

export interface ChaosProxyOptions {
  /** The server behind the proxy. */
  readonly target: { readonly host?: string; readonly port: number };
  /** The same seed draws the same jitter for the nth connection, and the same schedule. */
  readonly seed: number;
  readonly clock: Clock;
}

/** A plan that draws one of several faults, for a drawn time, again and again. */
export interface ChaosSchedule {
  /** By name; `{}` is a time without faults. */
  readonly faults: Readonly<Record<string, ChaosFaults | "reset" | "half_open">>;
  readonly minMs: number;
  readonly maxMs: number;
  /** Ends the plan, and heals. */
  readonly signal: AbortSignal;
}

/** A listener on loopback in front of any TCP server, which misbehaves as it is told. */
export interface ChaosProxy {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** From now on these faults and no others, for connections that are open and for those to come. Throws a RangeError. */
  set(faults: ChaosFaults): void;
  /** No faults any more. Connections that were reset or went into a black hole stay lost. */
  heal(): void;
  /** Resets every open connection, on both sides. */
  reset(): void;
  /** The target loses every open connection; clients are told nothing, and nobody ever answers them. */
  halfOpen(): void;
  /** Resolves when the signal aborts, with the names that were drawn and how long each held. */
  follow(schedule: ChaosSchedule): Promise<readonly { readonly name: string; readonly durationMs: number }[]>;
  countConnections(): number;
  /** Bytes that have passed in all connections so far. */
  passedBytes(): { readonly toTarget: number; readonly toClient: number };
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly number: number;
  target?: Socket;
  pumps: readonly ChaosPump[];
  answeredBytes: number;
  isHalfOpen: boolean;
}

/** Listens on a free port. Healthy at first. */
export async function createChaosProxy(options: ChaosProxyOptions): Promise<ChaosProxy> {
  const { clock, seed, target } = options;
  const links = new Set<Link>();
  const passed = { toTarget: 0, toClient: 0 };
  let faults: ChaosFaults = {};
  let accepted = 0;

  function open(client: Socket): void {
    const link: Link = { client, number: ++accepted, pumps: [], answeredBytes: 0, isHalfOpen: false };
    links.add(link);
    client.on("error", () => {});
    client.once("close", (isBroken) => {
      links.delete(link);
      for (const pump of link.pumps) pump.stop();
      if (isBroken) link.target?.resetAndDestroy();
      else link.target?.destroySoon();
    });
    if (faults.onConnect === "reset") client.resetAndDestroy();
    // Read and thrown away: a peer that is silent has not run out of memory.
    else if (faults.onConnect === "black_hole") client.resume();
    else if (!faults.isPartitioned) reachTarget(link);
  }

  function reachTarget(link: Link): void {
    const { client } = link;
    const upstream = connect({
      host: target.host ?? "127.0.0.1",
      port: target.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    link.target = upstream;
    upstream.on("error", () => {});
    upstream.once("close", (isBroken) => {
      if (link.isHalfOpen) return;
      if (isBroken) client.resetAndDestroy();
    });
    const shared = { clock, faults: () => faults };
    const draws = createDraws(seed, `connection ${link.number}`);
    const toTarget = {
      ...shared,
      from: client,
      to: upstream,
      draws,
      onPassed: (bytes: number) => {
        passed.toTarget += bytes;
      },
    };
    const onAnswered = (bytes: number) => {
      passed.toClient += bytes;
      link.answeredBytes += bytes;
      const { cutAfterBytes } = faults;
      if (cutAfterBytes !== undefined && link.answeredBytes >= cutAfterBytes) breakLink(link);
    };
    link.pumps = [
      startPump(toTarget),
      startPump({ ...shared, from: upstream, to: client, draws, onPassed: onAnswered }),
    ];
  }

  function breakLink({ client, target: upstream }: Link): void {
    client.resetAndDestroy();
    upstream?.resetAndDestroy();
  }

  function set(wanted: ChaosFaults): void {
    checkFaults(wanted);
    faults = wanted;
    if (faults.isPartitioned) return;
    for (const link of links) {
      if (!link.target && faults.onConnect === undefined && !link.isHalfOpen && link.client.readableFlowing === null) {
        reachTarget(link);
      }
      for (const pump of link.pumps) pump.flush();
    }
  }

  function reset(): void {
    for (const link of [...links]) breakLink(link);
  }

  function halfOpen(): void {
    for (const link of links) {
      link.isHalfOpen = true;
      for (const pump of link.pumps) pump.stop();
      link.target?.resetAndDestroy();
    }
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, open);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    ...{ set, reset, halfOpen },
    heal: () => set({}),
    async follow({ faults: choices, minMs, maxMs, signal }) {
      const draws = createDraws(seed, "schedule");
      const names = Object.keys(choices);
      const drawn: { readonly name: string; readonly durationMs: number }[] = [];
      while (!signal.aborted) {
        const name = names[draws.between(0, names.length - 1)] ?? "";
        const durationMs = draws.between(minMs, maxMs);
        const choice = choices[name] ?? {};
        drawn.push({ name, durationMs });
        if (choice === "reset") reset();
        else if (choice === "half_open") halfOpen();
        set(typeof choice === "string" ? {} : choice);
        await delay(clock, durationMs, signal).catch(() => {});
      }
      set({});
      return drawn;
    },
    countConnections: () => links.size,
    passedBytes: () => ({ ...passed }),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      reset();
      await closed;
    },
  };
}
