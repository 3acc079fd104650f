/** Where events of some types lie on a broker, and for how long. */
export interface Topic {
  readonly name: string;
  /** Types of events: whole, or with `*` at the end for all that begin so. */
  readonly types: readonly string[];
  /** How many lanes: so many nodes can share the work of a subscription. */
  readonly partitions: number;
  readonly retentionMs: number;
}

/** A topic as a broker has it. */
export interface TopicState {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  /** Partitions of which a copy is missing or behind. */
  readonly underReplicated: number;
  readonly messages: number;
  readonly retentionMs: number | undefined;
  /** Who hears it, and how many messages wait for each. */
  readonly groups: readonly { readonly name: string; readonly behind: number }[];
}

/**
 * Finds the topic of a type: of those that name it, the one that does so at greatest length. Throws a TypeError for two
 * topics of one name, two that claim the same types, and a partition count or retention that is not above 0.
 */
export function createTopicMap(topics: readonly Topic[]): (type: string) => Topic | undefined {
  const claims = new Map<string, Topic>();
  const names = new Set<string>();
  for (const topic of topics) {
    if (names.has(topic.name)) throw new TypeError(`two topics are named ${topic.name}`);
    names.add(topic.name);
    if (!(Number.isSafeInteger(topic.partitions) && topic.partitions > 0 && topic.retentionMs > 0)) {
      throw new TypeError(`topic ${topic.name} needs partitions and a retention above 0`);
    }
    for (const type of topic.types) {
      const other = claims.get(type);
      if (other) throw new TypeError(`topics ${other.name} and ${topic.name} both claim ${type}`);
      claims.set(type, topic);
    }
  }
  const prefixes = [...claims.keys()]
    .filter((type) => type.endsWith("*"))
    .map((type) => type.slice(0, -1))
    .sort((a, b) => b.length - a.length);
  return (type) => {
    const prefix = prefixes.find((start) => type.startsWith(start));
    return claims.get(type) ?? (prefix === undefined ? undefined : claims.get(`${prefix}*`));
  };
}

/** The topic of each of these types. Throws a TypeError that names every type without one. */
export function mapTypes(topics: readonly Topic[], types: readonly string[]): ReadonlyMap<string, Topic> {
  const find = createTopicMap(topics);
  const found = new Map<string, Topic>();
  const missing: string[] = [];
  for (const type of types) {
    const topic = find(type);
    if (topic) found.set(type, topic);
    else missing.push(type);
  }
  if (missing.length > 0) throw new TypeError(`no topic is declared for ${missing.join(", ")}`);
  return found;
}
