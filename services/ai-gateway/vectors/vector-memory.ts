/** Those that were used last, up to so many bytes. */
export function createVectorMemory(maxBytes: number) {
  const byName = new Map<string, Float32Array>();
  let size = 0;
  return {
    has: (name: string) => byName.has(name),
    get(name: string): Float32Array | undefined {
      const vector = byName.get(name);
      if (vector) {
        byName.delete(name);
        byName.set(name, vector);
      }
      return vector;
    },
    put(name: string, vector: Float32Array): void {
      size += vector.byteLength - (byName.get(name)?.byteLength ?? 0);
      byName.set(name, vector);
      for (const [oldest, { byteLength }] of byName) {
        if (size <= maxBytes) return;
        byName.delete(oldest);
        size -= byteLength;
      }
    },
  };
}
