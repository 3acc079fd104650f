import type { CountLink } from "../resilience/shared-counts.ts";

/** Processes of one platform, all in this one: what one tells reaches the others at once. */
export interface CountHub {
  join(name: string): CountLink;
  /** As when a process ends. */
  leave(name: string): void;
}

export function createCountHub(): CountHub {
  const members = new Map<string, Parameters<CountLink["listen"]>[0]>();
  return {
    join: (name) => ({
      tell(news) {
        // As a message between processes does: nothing of the sender's is shared.
        for (const [other, { onNews }] of members) if (other !== name) onNews(name, structuredClone(news));
      },
      listen(heard) {
        for (const { onCome } of members.values()) onCome();
        members.set(name, heard);
      },
    }),
    leave(name) {
      members.delete(name);
      for (const { onGone } of members.values()) onGone(name);
    },
  };
}
