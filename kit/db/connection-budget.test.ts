import assert from "node:assert/strict";
import { test } from "node:test";
import { shareConnections } from "./connection-budget.ts";

test("connections are shared by weight, at least two each, and never more than there are", () => {
  const names = Array.from({ length: 20 }, (_, n) => ({ name: `s${n}`, connectionWeight: n === 0 ? 5 : undefined }));
  for (let total = 40; total < 200; total++) {
    const shares = [...shareConnections(total, names).values()];
    assert.ok(shares.reduce((sum, share) => sum + share, 0) <= total);
    assert.ok(shares.every((share) => share >= 2));
  }
  assert.equal(shareConnections(64, names).get("s0"), 2 + 5);
  assert.throws(() => shareConnections(39, names), /20 services need 40 .* 39 are left/);
  assert.equal(shareConnections(5, []).size, 0);
});
