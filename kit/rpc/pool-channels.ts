import type { Clock } from "../service/clock.ts";
import type { Draw } from "./balancer.ts";
import type { PeerConnection } from "./grpc-transport.ts";

export interface ChannelOptions {
  /** Channels that are kept to an endpoint in use. */
  readonly minChannels: number;
  readonly maxChannels: number;
  /** A further channel is opened, up to `maxChannels`, when each has this many calls under way. */
  readonly callsPerChannel: number;
  /** After this long, less up to a tenth by chance, a channel gets no more calls and closes with its last one. */
  readonly maxAgeMs: number;
}

export const defaultChannelOptions: ChannelOptions = {
  minChannels: 2,
  maxChannels: 8,
  callsPerChannel: 100,
  maxAgeMs: 1_800_000,
};

/** How much of a channel's age is left to chance, so that channels opened together do not all end together. */
const ageJitter = 0.1;

/** One HTTP/2 connection. */
export interface Channel {
  readonly connection: PeerConnection;
  readonly inFlight: number;
}

/** The channels to one endpoint. */
export interface ChannelSet {
  /** The channel with the fewest calls under way, with one more now. Each is given back by exactly one `release`. */
  acquire(): Channel;
  release(channel: Channel): void;
  /** Hands out no more: each channel closes with its last call. */
  drain(): void;
  /** Ends all channels with every call on them. */
  close(): void;
  /** Open channels, old ones that still have calls among them. */
  count(): number;
  /** Channels that were replaced because of their age. */
  readonly handovers: number;
}

interface OpenChannel extends Channel {
  inFlight: number;
  readonly expiresMs: number;
}

/** Nothing is opened before the first call. Age is looked at when calls begin and end; idle connections end by themselves. */
export function createChannelSet(
  options: ChannelOptions,
  deps: { readonly connect: () => PeerConnection; readonly clock: Clock; readonly draw: Draw },
): ChannelSet {
  const { clock, draw } = deps;
  const current = new Set<OpenChannel>();
  const retired = new Set<OpenChannel>();
  let handovers = 0;

  function open(): OpenChannel {
    const ageMs = options.maxAgeMs * (1 - ageJitter * draw());
    const channel = { connection: deps.connect(), inFlight: 0, expiresMs: clock.monotonicMs() + ageMs };
    current.add(channel);
    return channel;
  }

  function retire(channel: OpenChannel): void {
    current.delete(channel);
    retired.add(channel);
    closeWhenDone(channel);
  }

  function closeWhenDone(channel: OpenChannel): void {
    if (channel.inFlight > 0 || !retired.delete(channel)) return;
    channel.connection.close();
  }

  function retireOld(): void {
    const nowMs = clock.monotonicMs();
    for (const channel of current) {
      if (nowMs < channel.expiresMs) continue;
      handovers++;
      retire(channel);
    }
  }

  function choose(): OpenChannel {
    if (current.size < options.minChannels) return open();
    const [first, ...others] = current;
    const least = others.reduce((a, b) => (b && a && b.inFlight < a.inFlight ? b : a), first);
    if (!least || (least.inFlight >= options.callsPerChannel && current.size < options.maxChannels)) return open();
    return least;
  }

  return {
    acquire() {
      retireOld();
      const channel = choose();
      channel.inFlight++;
      return channel;
    },
    release(released) {
      const channel = released as OpenChannel;
      channel.inFlight--;
      closeWhenDone(channel);
    },
    drain() {
      for (const channel of current) retire(channel);
    },
    close() {
      for (const channel of [...current, ...retired]) channel.connection.close();
      current.clear();
      retired.clear();
    },
    count: () => current.size + retired.size,
    get handovers() {
      return handovers;
    },
  };
}
