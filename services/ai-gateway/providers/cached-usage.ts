/** Usage of a vendor that counts what goes through its cache beside the input. */
export interface CachedUsage {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  /** Written to the cache, of any duration. */
  readonly written: number;
  /** Of these, for an hour, as the vendor says: more than all it cannot be. */
  readonly forAnHour: number;
}

/** In chat's form, where the prompt includes what was read from a cache or written to one. */
export function toCachedUsage({ input, output, cached, written, forAnHour }: CachedUsage) {
  const prompt = input + cached + written;
  const hour = Math.min(forAnHour, written);
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: {
      cached_tokens: cached,
      cache_write_tokens: written - hour,
      cache_write_1h_tokens: hour,
    },
  };
}
