import cluster, { type Worker } from "node:cluster";
import type { CountNews } from "@lyss/kit/resilience/shared-counts.ts";
import { type Clock, delay } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import { AggregatorRegistry, type Registry } from "prom-client";
import type { FromGateway, MetricsReport, ToGateway } from "./gateway-link.ts";

/** What each of them hosts. */
export const gatewayServices: readonly string[] = ["ai-gateway", "api-gateway"];

/** Processes that take calls behind one port. */
export interface Gateways {
  /** Address of the public listener that they share. */
  readonly url: string;
  /** All read their configuration again. */
  reload(): void;
  /** Ends them as a stop ends a process: calls under way first. Resolves when all have ended. */
  stop(hurry: AbortSignal): Promise<void>;
}

export interface GatewaysOptions {
  readonly count: number;
  /** Of the command line, by which each is started. */
  readonly args: readonly string[];
  /** Of this process; the gateways' are shown beside them. */
  readonly metrics: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  /** One that has not ended by then, after a stop was asked for, is killed. */
  readonly stopLimitMs: number;
  /** Gives up starting. */
  readonly signal: AbortSignal;
}

const firstRestartMs = 200;
const restartLimitMs = 10_000;
/** One that has lived so long is started again at once. */
const soundMs = 60_000;
const reportLimitMs = 2_000;

/**
 * Starts so many gateway processes on one port, whose connections Node's cluster hands to them in turn, and starts anew what ends
 * unasked. When this process dies they end, too. Resolves when all take calls; rejects when one ends before that.
 */
export async function startGateways(options: GatewaysOptions): Promise<Gateways> {
  const { count, args, clock, log, signal } = options;
  const workers = new Map<string, Worker>();
  const collector = createMetricsCollector(options, workers);
  const stopping = new AbortController();
  cluster.setupPrimary({ exec: process.argv[1] ?? "", args: [...args] });

  /** Runs one until it ends; resolves with how. `onReady` gets its URL. */
  async function run(name: string, onReady: (url: string) => void): Promise<string> {
    const worker = cluster.fork();
    workers.set(name, worker);
    log.info({ gateway: name, pid: worker.process.pid }, "a gateway process is started");
    const onUp = (url: string) => {
      tellAll({ kind: "gateway_came" });
      onReady(url);
    };
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    worker.once("exit", (code, by) => resolve(by ? `signal ${by}` : `code ${code}`));
    worker.on("error", (err) => log.warn({ err, gateway: name }, "a gateway process cannot be told something"));
    worker.on("message", (message: FromGateway) => {
      if (message.kind === "ready") onUp(message.url);
      else if (message.kind === "counts") tellOthers(name, message.news);
      else if (message.kind === "metrics") collector.onMetrics(message.id, name, message.metrics);
      else void collector.answer(worker, message.id);
    });
    const how = await ended;
    workers.delete(name);
    collector.onGone(name);
    tellAll({ kind: "gateway_gone", gateway: name });
    return how;
  }

  const tellAll = (message: ToGateway) => eachOf(workers, (worker) => send(worker, message));

  function tellOthers(from: string, news: CountNews): void {
    for (const [name, worker] of workers) if (name !== from) send(worker, { kind: "counts", from, news });
  }

  /** Keeps one running until the stop; resolves when it has ended for good. */
  async function keep(name: string, first: Promise<string>): Promise<void> {
    let how = await first;
    let restartMs = firstRestartMs;
    while (!stopping.signal.aborted) {
      log.error({ gateway: name, ended: how, restartMs }, "a gateway process has ended; it is started again");
      await delay(clock, restartMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const startMs = clock.monotonicMs();
      how = await run(name, () => log.info({ gateway: name }, "a gateway process takes calls again"));
      restartMs = clock.monotonicMs() - startMs > soundMs ? firstRestartMs : Math.min(2 * restartMs, restartLimitMs);
    }
  }

  async function stop(hurry: AbortSignal): Promise<void> {
    stopping.abort();
    const tell = () => eachOf(workers, (worker) => worker.process.kill("SIGTERM"));
    tell();
    hurry.addEventListener("abort", tell, { once: true });
    const ended = new AbortController();
    const kill = () => eachOf(workers, (worker) => worker.process.kill("SIGKILL"));
    delay(clock, options.stopLimitMs, ended.signal).then(kill, () => undefined);
    await Promise.all(kept);
    ended.abort();
    hurry.removeEventListener("abort", tell);
  }

  const names = Array.from({ length: count }, (_, i) => `gateway-${i + 1}`);
  const starts = names.map((name) => {
    const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
    const first = run(name, resolve);
    first.then((how) => reject(new Error(`${name} ended with ${how} before it took calls; what it said is above`)));
    return { name, first, ready };
  });
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
  const onAbort = () => giveUp(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let kept: readonly Promise<unknown>[] = starts.map(({ first }) => first);
  try {
    const [url = ""] = await Promise.race([Promise.all(starts.map(({ ready }) => ready)), givenUp]);
    kept = starts.map(({ name, first }) => keep(name, first));
    return { url, reload: () => tellAll({ kind: "reload" }), stop };
  } catch (err) {
    await stop(AbortSignal.abort());
    throw err;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function eachOf(workers: ReadonlyMap<string, Worker>, work: (worker: Worker) => void): void {
  for (const worker of workers.values()) work(worker);
}

/** Puts the metrics of all processes together, each series with the label `process`. */
function createMetricsCollector(
  { metrics, clock, log }: Pick<GatewaysOptions, "metrics" | "clock" | "log">,
  workers: ReadonlyMap<string, Worker>,
) {
  interface Round {
    readonly missing: Set<string>;
    readonly found: [process: string, metrics: MetricsReport][];
    readonly end: () => void;
  }
  const rounds = new Map<number, Round>();
  let lastId = 0;

  function note(round: Round, name: string): void {
    round.missing.delete(name);
    if (round.missing.size === 0) round.end();
  }

  async function collect(): Promise<string> {
    const id = ++lastId;
    const ended = new AbortController();
    const missing = new Set(workers.keys());
    const round: Round = { missing, found: [["main", await metrics.getMetricsAsJSON()]], end: () => ended.abort() };
    rounds.set(id, round);
    for (const worker of workers.values()) send(worker, { kind: "report", id });
    if (missing.size > 0) await delay(clock, reportLimitMs, ended.signal).catch(() => undefined);
    rounds.delete(id);
    if (missing.size > 0) log.warn({ missing: [...missing] }, "gateway processes did not report their metrics in time");
    const labelled = round.found.map(([process, found]) => withProcess(found, process));
    return AggregatorRegistry.aggregate(labelled).metrics();
  }

  return {
    /** Answers a gateway that was asked for the metrics of all. */
    async answer(worker: Worker, id: number): Promise<void> {
      try {
        send(worker, { kind: "collected", id, text: await collect() });
      } catch (err) {
        log.error({ err }, "the metrics of all processes cannot be put together");
      }
    },
    onMetrics(id: number, name: string, found: MetricsReport): void {
      const round = rounds.get(id);
      if (!round) return;
      round.found.push([name, found]);
      note(round, name);
    },
    onGone(name: string): void {
      for (const round of rounds.values()) note(round, name);
    },
  };
}

function send(worker: Worker, message: ToGateway): void {
  if (worker.isConnected()) worker.send(message);
}

/** Series of different processes differ by their label, so that nothing of them is summed up. */
function withProcess(found: MetricsReport, process: string): MetricsReport {
  return found.map((metric) => ({
    ...metric,
    aggregator: "sum",
    values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, process } })),
  }));
}
