import { Worker } from "node:worker_threads";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { PdfRequest } from "./make-pdf.ts";

/** Makes PDFs one after the other in a thread of their own, so that the loop that carries streams is never held up. */
export interface PdfMaker {
  /** The file. Throws `documents_busy` when too many wait already. */
  make(request: PdfRequest): Promise<Buffer>;
  /** Ends the thread; what is still being made fails. */
  stop(): Promise<void>;
}

export interface PdfJob {
  readonly number: number;
  readonly request: PdfRequest;
}

export type PdfResult = { readonly number: number } & ({ readonly bytes: Uint8Array } | { readonly message: string });

interface Pending {
  resolve(bytes: Buffer): void;
  reject(err: Error): void;
}

const maxWaiting = 16;
/** Fonts take some megabytes and half a second: they stay while they are likely to be used again. */
const idleMs = 60_000;

/** The thread is started by the first document, and ends when none was wanted for a minute. */
export function createPdfMaker({ clock }: { readonly clock: Clock }): PdfMaker {
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let cancelIdle = () => {};
  let lastNumber = 0;

  function start(): Worker {
    const started = new Worker(new URL("./pdf-worker.ts", import.meta.url));
    const fail = (err: Error) => {
      if (worker === started) worker = undefined;
      for (const { reject } of pending.values()) reject(err);
      pending.clear();
    };
    started.on("message", (result: PdfResult) => {
      const job = pending.get(result.number);
      pending.delete(result.number);
      if ("bytes" in result) job?.resolve(Buffer.from(result.bytes));
      else job?.reject(new Error(`a PDF could not be made: ${result.message}`));
      if (pending.size === 0) rest();
    });
    started.on("error", fail);
    started.on("exit", () => worker === started && fail(new Error("the thread that makes PDFs has ended")));
    return started;
  }

  function rest(): void {
    worker?.unref();
    cancelIdle = clock.setTimer(idleMs, () => void stop());
  }

  async function stop(): Promise<void> {
    cancelIdle();
    await worker?.terminate();
  }

  return {
    async make(request) {
      if (pending.size >= maxWaiting) throw new Failure(billingFailures.documents_busy);
      cancelIdle();
      worker ??= start();
      worker.ref();
      const number = ++lastNumber;
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      pending.set(number, { resolve, reject });
      worker.postMessage({ number, request } satisfies PdfJob);
      return promise;
    },
    stop,
  };
}
