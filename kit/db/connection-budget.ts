/** Two, so that a query beside an open transaction of the same service cannot wait for that transaction. */
const minConnections = 2;

/**
 * Divides `total` connections among services by weight, at least two each; the sum is never above `total`.
 * Throws an Error that names the needed number when they do not suffice.
 */
export function shareConnections(
  total: number,
  services: readonly { readonly name: string; readonly connectionWeight?: number | undefined }[],
): ReadonlyMap<string, number> {
  const needed = services.length * minConnections;
  if (total < needed) {
    throw new Error(
      `${services.length} services need ${needed} database connections of their own, and ${Math.max(0, total)} are ` +
        "left of the limit. Raise the limit, or run fewer services in this process.",
    );
  }
  const weightOf = (service: (typeof services)[number]) => service.connectionWeight ?? 1;
  const totalWeight = services.reduce((sum, service) => sum + weightOf(service), 0);
  const spare = total - needed;
  return new Map(
    services.map((service) => [service.name, minConnections + Math.floor((spare * weightOf(service)) / totalWeight)]),
  );
}
