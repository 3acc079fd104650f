/** What is known of the traffic, and what the machines can do. */
export interface CapacityDemand {
  /** Events a second at the busiest time. */
  readonly peakRate: number;
  /** Events a second over a whole day. Default: the peak, which never plans too little. */
  readonly averageRate?: number;
  /** Size of an event's data as JSON. */
  readonly eventBytes: number;
  readonly retentionDays: number;
  readonly replicas: number;
  /** How long a handler takes for an event, its transaction included. */
  readonly handlerMs: number;
  /** Subscriptions that read every event. */
  readonly subscriptions: number;
  readonly brokerDiskGib: number;
  /** What a broker's disk and network take and give, together. */
  readonly brokerMibPerS: number;
}

export const defaultDemand = {
  retentionDays: 7,
  replicas: 3,
  handlerMs: 10,
  subscriptions: 3,
  brokerDiskGib: 1_000,
  brokerMibPerS: 100,
} as const;

export interface CapacityPlan {
  readonly partitions: number;
  /** Over all brokers, free space included. */
  readonly diskGib: number;
  readonly brokers: number;
  /** What one broker reads and writes at the peak. */
  readonly brokerMibPerSAtPeak: number;
  /** From when on the plan is too small. */
  readonly scaleWhen: {
    /** More partitions, when the peak passes so many events a second. */
    readonly peakRateAbove: number;
    /** More disk or brokers, when so much is used over all brokers. */
    readonly usedGibAbove: number;
    /** More brokers, when one moves more than this. */
    readonly brokerMibPerSAbove: number;
  };
}

/** What is planned is used to this share: the rest is for growth, a lost broker and catching up. */
const usedShare = 0.7;
/** Attributes, key and the record's own fields, as measured on our messages. */
const envelopeBytes = 500;
const partitionLimit = 1_000;
const dayS = 86_400;
const mib = 1_048_576;
const gib = 1_073_741_824;

/**
 * Plans a cluster for one stream of events.
 *
 * - A subscription handles one event of a partition at a time, so a partition carries 1000 / handlerMs events a second:
 *   `partitions = peakRate / (0.7 × 1000 / handlerMs)`, rounded up, at least one for each broker that keeps a copy, at
 *   most 1,000.
 * - Each event is kept `replicas` times with an envelope of 500 bytes, and a log stays until it is a day older than asked
 *   for: `disk = averageRate × (eventBytes + 500) × 86,400 × (retentionDays + 1) × replicas / 0.7`.
 * - A broker writes its share of all copies and reads its share for the copying and for every subscription:
 *   `brokers = max(replicas, disk / brokerDisk, traffic / (0.7 × brokerMibPerS))`, rounded up, where
 *   `traffic = peakRate × (eventBytes + 500) × (2 × replicas - 1 + subscriptions)`.
 *
 * It is time to scale when the 0.7 is reached. Throws a RangeError for a number that is not above 0, an average above the
 * peak, and handlers too slow for 1,000 partitions.
 */
export function planCapacity(demand: CapacityDemand): CapacityPlan {
  for (const [name, value] of Object.entries(demand)) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`${name} must be above 0, not ${value}`);
  }
  const { peakRate, averageRate = peakRate, replicas } = demand;
  if (averageRate > peakRate) throw new RangeError(`averageRate is ${averageRate}, above the peak of ${peakRate}`);
  const storedBytes = demand.eventBytes + envelopeBytes;
  const ratePerPartition = 1_000 / demand.handlerMs;
  const partitions = Math.max(replicas, Math.ceil(peakRate / (usedShare * ratePerPartition)));
  if (partitions > partitionLimit) {
    throw new RangeError(`${partitions} partitions are needed, more than ${partitionLimit}: make handlerMs smaller`);
  }
  const usedGib = (averageRate * storedBytes * dayS * (demand.retentionDays + 1) * replicas) / gib;
  const diskGib = usedGib / usedShare;
  const traffic = (peakRate * storedBytes * (2 * replicas - 1 + demand.subscriptions)) / mib;
  const brokersFor = [diskGib / demand.brokerDiskGib, traffic / (usedShare * demand.brokerMibPerS)];
  const brokers = Math.max(replicas, ...brokersFor.map(Math.ceil));
  return {
    partitions,
    diskGib: Math.ceil(diskGib),
    brokers,
    brokerMibPerSAtPeak: traffic / brokers,
    scaleWhen: {
      peakRateAbove: Math.floor(partitions * ratePerPartition * usedShare),
      usedGibAbove: Math.floor(brokers * demand.brokerDiskGib * usedShare),
      brokerMibPerSAbove: usedShare * demand.brokerMibPerS,
    },
  };
}
