import { Resolver } from "node:dns/promises";

/** Reads the TXT records of a name: the only thing that is asked of the network here. */
export type ReadTxtRecords = (name: string) => Promise<readonly string[]>;

/**
 * Asks the servers given, or the machine's own when there is none. No records where the name has none, or no server answers in
 * time: whoever asks again later is told then.
 */
export function createTxtReader(options: {
  readonly dnsServers: readonly string[];
  readonly dnsTimeoutMs: number;
}): ReadTxtRecords {
  return async (name) => {
    const resolver = new Resolver({ timeout: options.dnsTimeoutMs, tries: 2 });
    if (options.dnsServers.length > 0) resolver.setServers(options.dnsServers);
    try {
      const records = await resolver.resolveTxt(name);
      return records.map((parts) => parts.join(""));
    } catch {
      return [];
    }
  };
}
