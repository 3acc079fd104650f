/** What a driver has under a key. */
export interface StoredText {
  /** Undefined when there is nothing, or when a mark was withdrawn since it was written. */
  readonly text: string | undefined;
  /** The marks as they stood when this was read. What is loaded after it is written under this stamp. */
  readonly stamp: string;
}

/**
 * The second tier, shared by nodes. Every text is written under marks: names that stand for its key, its tags, its whole
 * cache. Withdrawing a mark makes all that was read before it invalid for everyone, also what is written later by a node
 * that had begun to load before. Any method may reject or hang: the cache then does without. `runDriverContract` says
 * what holds for each driver.
 */
export interface CacheDriver {
  read(key: string, marks: readonly string[]): Promise<StoredText>;
  /** Keeps the text for at most `ttlMs`, a whole number above 0. */
  write(key: string, text: string, ttlMs: number, stamp: string): Promise<void>;
  withdraw(marks: readonly string[]): Promise<void>;
}

/** Tells other nodes which marks are withdrawn. */
export interface InvalidationBus {
  /** Resolves when the message is on its way. */
  publish(marks: readonly string[]): Promise<void>;
  /**
   * `onMarks` gets what others publish, within a second; `onGap` runs when messages may have been missed. The result
   * ends that.
   */
  subscribe(onMarks: (marks: readonly string[]) => void, onGap: () => void): () => void;
}
