import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { drawFrom } from "./random-chat.ts";

type Draw = ReturnType<typeof drawFrom>;

const { isRawJSON: isRawJson } = JSON as unknown as { isRawJSON(value: unknown): boolean };
const roundsEach = 300;
/** What stands where something else belongs. */
const oddValues: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e21, "", "a", "{", "[DONE]", "data:x;base64,", "https://", "\u{1F642}\ud83d"],
  ...[[], [null], [[]], ["a"], {}, { type: "text" }, { a: { b: [] } }],
];

/** A copy in which one to three places hold something else, or nothing. */
export function distort(draw: Draw, value: unknown): unknown {
  const whole = { value: copyOf(value) };
  for (let times = 1 + draw(3); times > 0; times--) {
    let place: Record<string, unknown> | unknown[] = whole;
    for (;;) {
      const keys = Object.keys(place);
      const key = keys[draw(Math.max(keys.length, 1))];
      if (key === undefined) break;
      const held = (place as Record<string, unknown>)[key];
      if (isOpen(held) && Object.keys(held).length > 0 && draw(4) > 0) {
        place = held as Record<string, unknown>;
        continue;
      }
      if (place !== whole && draw(4) === 0 && !Array.isArray(place)) delete place[key];
      else (place as Record<string, unknown>)[key] = copyOf(oddValues[draw(oddValues.length)]);
      break;
    }
  }
  return whole.value;
}

/** Numbers that are kept as they are written are no objects here. */
function isOpen(value: unknown): value is object {
  return typeof value === "object" && value !== null && !isRawJson(value);
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  return isOpen(value) ? Object.fromEntries(Object.entries(value).map(([name, held]) => [name, copyOf(held)])) : value;
}

/** A test: distorted copies of each of these are taken by `use`, or refused by a Failure. What fails says which copy of which it was. */
export function describeDistorted(name: string, cases: readonly unknown[], use: (distorted: unknown) => void): void {
  test(`${name}: whatever stands in it, it is translated or refused by name`, () => {
    for (const [n, one] of cases.entries()) {
      for (let round = 0; round < roundsEach; round++) {
        const distorted = distort(drawFrom(`${name}-${n}-${round}`), one);
        try {
          use(distorted);
        } catch (err) {
          if (isFailure(err)) continue;
          throw new assert.AssertionError({
            message: `${n}-${round} ${JSON.stringify(distorted)}: ${(err as Error).stack}`,
          });
        }
      }
    }
  });
}
