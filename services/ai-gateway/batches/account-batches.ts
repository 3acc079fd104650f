import type { AnswerLine } from "./answer-line.ts";

/** By what a batch of ours is known at its provider, should the answer to its creation be lost. */
export const markName = "lyss_batch";

/** A request as its provider is to have it. */
export interface UpstreamRequest {
  readonly customId: string;
  readonly body: Buffer;
}

export interface BatchToSend {
  /** Where the requests lie there; empty where `requests` are sent along. */
  readonly fileId: string;
  readonly endpoint: string;
  readonly mark: string;
  readonly requests: readonly UpstreamRequest[] | undefined;
  /** What of the caller's own head goes upstream. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/**
 * Batches at the account of a provider, as if each spoke OpenAI's dialect: that is the form of what `create`, `get` and `findByMark` give.
 * All throw the failures of a model call at it.
 */
export interface UpstreamBatches {
  /** True where a batch is found by its mark when the answer to its creation was lost. */
  readonly isFindable: boolean;
  /** Undefined where nothing can be sent: the requests are gone with the node that had them. */
  create(batch: BatchToSend): Promise<unknown>;
  get(id: string): Promise<unknown>;
  /** One that has ended stays as it is. */
  cancel(id: string): Promise<void>;
  /** The batch that bears a mark, if it was created. */
  findByMark(mark: string): Promise<unknown>;
  /** What is in a file of answers. */
  answers(fileId: string): AsyncGenerator<AnswerLine>;
  /** Resolves also for a file that is there no more. */
  removeFile(fileId: string): Promise<void>;
}
