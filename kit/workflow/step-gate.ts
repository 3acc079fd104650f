/** Lets steps through until the process shall stop, and knows which are under way. */
export interface StepGate {
  /** Aborts as soon as the gate closes. */
  readonly stopping: AbortSignal;
  /**
   * Settles as `record` does. `enter` does the work; where the process stops before the work or because of it, the step
   * never ends here: it must not be recorded as failed, for another process shall repeat it.
   */
  record<T>(record: (enter: (work: () => Promise<T>) => Promise<T>) => Promise<T>): Promise<T>;
  /** Lets nothing more through. Resolves when what is under way is recorded or given up. */
  close(): Promise<void>;
}

export function createStepGate(): StepGate {
  const stopping = new AbortController();
  let underWay = 0;
  const drained = Promise.withResolvers<void>();
  const leave = () => {
    underWay--;
    if (underWay === 0 && stopping.signal.aborted) drained.resolve();
  };
  return {
    stopping: stopping.signal,
    async record<T>(record: (enter: (work: () => Promise<T>) => Promise<T>) => Promise<T>): Promise<T> {
      let isInside = false;
      const exit = () => {
        if (isInside) leave();
        isInside = false;
      };
      const giveUp = () => {
        exit();
        return new Promise<never>(() => {});
      };
      const enter = async (work: () => Promise<T>) => {
        if (stopping.signal.aborted) return giveUp();
        underWay++;
        isInside = true;
        return work().catch((err: unknown) => (stopping.signal.aborted ? giveUp() : Promise.reject(err)));
      };
      try {
        return await record(enter);
      } finally {
        exit();
      }
    },
    close() {
      stopping.abort();
      if (underWay === 0) drained.resolve();
      return drained.promise;
    },
  };
}
