import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

/** Lets calls into a service while it runs, and lets it wait for the last of them when it stops. */
export interface CallGate {
  /** Counts a call in. False, and not counted, once the gate is closed. */
  enter(): boolean;
  /** Counts it out. Once per `enter` that was true. */
  leave(): void;
  /** Aborts with `kit.unavailable` when the gate closes: streams end then, single answers are still given. */
  readonly closing: AbortSignal;
  /** Refuses further calls. Resolves when none is under way or `signal` aborts. May be repeated. */
  close(signal: AbortSignal): Promise<void>;
}

/** An open gate for the service of that name. */
export function createCallGate(service: string): CallGate {
  const controller = new AbortController();
  const waiters = new Set<() => void>();
  let underway = 0;

  return {
    enter() {
      if (controller.signal.aborted) return false;
      underway++;
      return true;
    },
    leave() {
      underway--;
      if (underway === 0) for (const resolve of waiters) resolve();
    },
    closing: controller.signal,
    close(signal) {
      controller.abort(new Failure(kitFailures.unavailable, { service }));
      return new Promise((resolve) => {
        if (underway === 0 || signal.aborted) return resolve();
        waiters.add(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    },
  };
}
