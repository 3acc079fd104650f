/** Lets a consumer take new work, or not. What it has taken it finishes in any case. */
export interface ConsumerGate {
  isOpen(): boolean;
  /** Calls back when that may have changed, until the result is called. */
  onChange(callback: () => void): () => void;
}
