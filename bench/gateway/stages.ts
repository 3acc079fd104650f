/** What of a CPU profile (`node --cpu-prof`) is read here; times are microseconds of the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A share of the time in which the process computed. */
export interface Stage {
  readonly name: string;
  readonly share: number;
}

/** In the order in which a call meets them. The first whose pattern fits the innermost frame of ours has the sample. */
const stages: readonly (readonly [name: string, place: RegExp])[] = [
  ["lane: heads and bodies of requests", /\/kit\/http\/lane\//],
  ["guard and intake: key, limits, load", /\/services\/api-gateway\/|\/kit\/resilience\/|\/kit\/cache\//],
  ["exchange: route, context, answer", /\/kit\/http\/(?!lane|upstream)|\/kit\/errors\/|\/kit\/rpc\/call-context/],
  ["scan: what decides in bodies and answers", /\/services\/ai-gateway\/scan\//],
  [
    "money: price, lease, spool, posting",
    /\/services\/ai-gateway\/funds\/|\/kit\/spool\/|\/contracts\/pricing\/|\/contracts\/budgets\//,
  ],
  ["call: its way from record to settlement", /\/services\/ai-gateway\//],
  ["upstream client: request and answer", /\/kit\/http\/upstream\//],
  ["metrics and traces", /\/kit\/observability\//],
  ["clock, ids and timers", /\/kit\/service\/(clock|ids|timer)/],
  ["billing in the same process: facts, ledger, SQL", /\/services\/billing\/|\/kit\/db\/|\/node_modules\/postgres\//],
  ["other services, events and RPC", /\/services\/|\/kit\/|\/contracts\/|\/apps\/|\/node_modules\//],
];

const garbage = "garbage collection";
const writing = "writing to sockets (Node and kernel)";
const node = "Node: event loop, reading sockets, promises";
const native = "outside of JavaScript";

const writers =
  /^(writeBuffer|writev|writeLatin1String|writeUtf8String|writeAsciiString|_writeGeneric|writeGeneric|_write)$/;

/**
 * Divides the samples from `fromMicros` to `toMicros` among the stages of a call by their innermost frame of ours; idle time
 * counts for nothing. Shares add up to 1; a stage without a sample has 0. Throws a RangeError when nothing was computed then.
 */
export function divideByStage(profile: CpuProfile, fromMicros: number, toMicros: number): readonly Stage[] {
  const stageOf = createStageFinder(profile);
  const micros = new Map<string, number>();
  let atMicros = profile.startTime;
  let total = 0;
  for (const [index, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    atMicros += delta;
    const stage = atMicros > fromMicros && atMicros <= toMicros ? stageOf(id) : undefined;
    if (stage === undefined) continue;
    micros.set(stage, (micros.get(stage) ?? 0) + delta);
    total += delta;
  }
  if (total === 0) throw new RangeError("the profile has no sample in that time");
  const names = [...stages.map(([name]) => name), writing, node, garbage, native];
  return names.map((name) => ({ name, share: (micros.get(name) ?? 0) / total }));
}

/** Of a sample; undefined while the process waited. */
function createStageFinder({ nodes }: CpuProfile): (id: number) => string | undefined {
  const byId = new Map(nodes.map((each) => [each.id, each]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const found = new Map<number, string | undefined>();

  function find(leaf: number): string | undefined {
    const name = byId.get(leaf)?.callFrame.functionName;
    if (name === "(idle)") return undefined;
    if (name === "(garbage collector)") return garbage;
    if (name === "(program)") return native;
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame;
      if (frame === undefined) break;
      if (writers.test(frame.functionName) && !frame.url.startsWith("file:")) return writing;
      const stage = stages.find(([, place]) => place.test(frame.url));
      if (stage && !frame.url.startsWith("node:")) return stage[0];
    }
    return node;
  }

  return (id) => {
    if (!found.has(id)) found.set(id, find(id));
    return found.get(id);
  };
}
