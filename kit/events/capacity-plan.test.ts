import assert from "node:assert/strict";
import { test } from "node:test";
import { type CapacityDemand, defaultDemand, planCapacity } from "./capacity-plan.ts";

const demand: CapacityDemand = { ...defaultDemand, peakRate: 1_000, eventBytes: 500 };

test("partitions carry the peak at 70 % with one event of each at a time", () => {
  assert.equal(planCapacity({ ...demand, handlerMs: 10 }).partitions, 15);
  assert.equal(planCapacity({ ...demand, handlerMs: 100 }).partitions, 143);
  assert.equal(planCapacity({ ...demand, peakRate: 1 }).partitions, 3, "at least one for each copy");
});

test("the disk holds every copy for the retention and a day at the average rate, and is 70 % full", () => {
  const bytes = 250 * 1_000 * 86_400 * (6 + 1) * 2;
  const plan = planCapacity({ ...demand, averageRate: 250, retentionDays: 6, replicas: 2 });
  assert.equal(plan.diskGib, Math.ceil(bytes / 0.7 / 2 ** 30));
});

test("brokers follow from copies, disk or traffic, whichever wants most", () => {
  const small = { ...demand, peakRate: 10 };
  assert.equal(planCapacity(small).brokers, 3);
  assert.equal(planCapacity({ ...small, brokerDiskGib: 5 }).brokers, Math.ceil(planCapacity(small).diskGib / 5));
  const busy = { ...demand, eventBytes: 104_357, brokerMibPerS: 100, retentionDays: 0.001, averageRate: 0.001 };
  // 1,000 events of 0.1 MiB, written three times, copied twice and read by three subscriptions.
  assert.equal(planCapacity(busy).brokers, Math.ceil((100 * 8) / 70));
});

test("it is time to scale where a plan for that much would be larger", () => {
  const plan = planCapacity(demand);
  const { peakRateAbove } = plan.scaleWhen;
  assert.equal(planCapacity({ ...demand, peakRate: peakRateAbove }).partitions, plan.partitions);
  assert.equal(planCapacity({ ...demand, peakRate: peakRateAbove + 1 }).partitions, plan.partitions + 1);
});

test("numbers that make no sense are refused by name", () => {
  for (const field of ["peakRate", "eventBytes", "replicas", "handlerMs"] as const) {
    for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => planCapacity({ ...demand, [field]: value }),
        new RegExp(`^RangeError: ${field} must be above 0`),
      );
    }
  }
  assert.throws(() => planCapacity({ ...demand, averageRate: 2_000 }), /averageRate is 2000, above the peak of 1000/);
  assert.throws(() => planCapacity({ ...demand, handlerMs: 10_000 }), /make handlerMs smaller/);
});
