/** Asks again after each turn of the loop: for what other sessions do, of which nobody tells us. */
export async function waitUntil(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setImmediate(resolve));
}
