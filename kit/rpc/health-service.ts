import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as Status } from "./gen/grpc/health/v1/health_pb.js";

/** What the health service tells of. */
export interface ServingState {
  /** By a service's own name, the full name of its contract, or empty for the process. Undefined when not hosted here. */
  isServing(service: string): boolean | undefined;
  /** All names that `isServing` knows. */
  listNames(): readonly string[];
  /** Calls back after each change of any of them, until the result is called. */
  onChange(callback: () => void): () => void;
}

/** Streams that may watch at a time: every process that needs a service, many times over. */
const maxWatchers = 1_000;

/** The standard `grpc.health.v1` service. */
export function createHealthService(state: ServingState): ServiceImpl<typeof Health> {
  let watchers = 0;
  const statusOf = (service: string) => {
    const isServing = state.isServing(service);
    if (isServing === undefined) return Status.SERVICE_UNKNOWN;
    return isServing ? Status.SERVING : Status.NOT_SERVING;
  };
  return {
    check({ service }) {
      const status = statusOf(service);
      if (status === Status.SERVICE_UNKNOWN) {
        throw new ConnectError(`'${service.slice(0, 200)}' is not hosted here`, Code.NotFound);
      }
      return { status };
    },
    list: () => ({ statuses: Object.fromEntries(state.listNames().map((name) => [name, { status: statusOf(name) }])) }),
    async *watch({ service }, { signal }) {
      if (watchers >= maxWatchers) throw new ConnectError("too many watch already", Code.ResourceExhausted);
      watchers++;
      let wake = () => {};
      const forget = state.onChange(() => wake());
      const onAbort = () => wake();
      signal.addEventListener("abort", onAbort);
      try {
        let told: Status | undefined;
        for (;;) {
          // Armed before the look, so that a change in between wakes at once.
          const changed = new Promise<void>((resolve) => {
            wake = resolve;
          });
          const status = statusOf(service);
          if (status !== told) yield { status };
          told = status;
          if (!signal.aborted && statusOf(service) === told) await changed;
          // A watch ends well in no way: its deadline is an error even where the server sees it before the client does.
          signal.throwIfAborted();
        }
      } finally {
        watchers--;
        forget();
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
