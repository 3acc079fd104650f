import assert from "node:assert/strict";
import { test } from "node:test";
import { endWithCharge } from "./call.ts";
import { readRequest } from "./read-request.ts";
import { createStreamMeter } from "./stream-meter.ts";

/** Four bytes are a token. */
const counter = { estimateText: async (text: string) => Math.ceil(text.length / 4) };

function open(outputTokens: bigint, answers: readonly (bigint | undefined | Error)[], choices = 1) {
  const left = [...answers];
  const asked: number[] = [];
  let passed = 0;
  const raise = async () => {
    asked.push(passed);
    const answer = left.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const meter = createStreamMeter({ outputTokens, raise }, counter, choices);
  assert.ok(meter);
  /** Passes single tokens on; gives how many got through. */
  const pass = async (tokens: number) => {
    for (let n = 0; n < tokens; n++) {
      await meter.admit("four");
      passed++;
    }
  };
  return { meter, asked, pass, passed: () => passed };
}

test("a call whose most is set aside has no meter", () => {
  assert.equal(createStreamMeter({ outputTokens: 10n, raise: undefined }, counter, 1), undefined);
});

test("text that surely fits passes without a wait and without a question", () => {
  const { meter, asked } = open(100n, []);
  assert.equal(meter.admit("x".repeat(75)), undefined);
  assert.deepEqual(asked, []);
});

test("the text beyond the money does not pass, the refusal is billing's, and what came before it does", async () => {
  const gone = new Error("money has ended");
  const { pass, passed, asked } = open(100n, [gone, gone]);
  await assert.rejects(pass(200), gone);
  assert.equal(passed(), 100);
  // Once early, and once more when it was needed.
  assert.equal(asked.length, 2);
  assert.ok((asked[0] ?? 0) < 100 && asked[1] === 100);
});

test("each choice has the money of its own", async () => {
  const gone = new Error("money has ended");
  const { pass, passed } = open(50n, [gone, gone], 2);
  await assert.rejects(pass(200), gone);
  assert.equal(passed(), 100);
});

test("more is asked for before it is needed, and a stream goes on with it", async () => {
  const gone = new Error("money has ended");
  const { pass, passed, asked } = open(100n, [200n, 230n, gone, gone]);
  await assert.rejects(pass(500), gone);
  assert.equal(passed(), 230);
  assert.equal(asked.length, 4);
});

test("when the most is set aside nothing more is counted or asked for", async () => {
  const { pass, passed, asked } = open(100n, [undefined]);
  await pass(1_000);
  assert.equal(passed(), 1_000);
  assert.equal(asked.length, 1);
});

test("one piece may need several raises", async () => {
  const { meter, asked } = open(10n, [20n, 30n, 40n, undefined]);
  await meter.admit("x".repeat(160));
  assert.equal(asked.length >= 3, true);
});

test("money that came after an early refusal is found when it is needed", async () => {
  const { pass, passed } = open(100n, [new Error("not now"), undefined]);
  await pass(300);
  assert.equal(passed(), 300);
});

test("a refusal that comes after the last of the text goes unnoticed", async () => {
  const { pass } = open(100n, [new Error("money has ended")]);
  await pass(80);
  await new Promise(setImmediate);
});

test("a metered stream is charged no more than was set aside, in whatever pieces its text is counted", async () => {
  const gone = new Error("money has ended");
  const { meter, pass } = open(100n, [gone, gone]);
  await assert.rejects(pass(200), gone);
  assert.equal(meter.heldTokens, 100);
  const request = readRequest("chat", Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}'));
  const estimates = { boundInput: () => 1, estimateInput: async () => 1, ...counter };
  // Cut once more than when it was let through, the text has a token more.
  const delivered = { text: "x".repeat(201), countedTokens: 50 };
  const unreported = { usage: undefined, serviceMode: undefined };
  const ending = (more: object) =>
    endWithCharge({ counter: estimates, request, ...more }, "truncated", unreported, delivered);
  assert.equal((await ending({ meter })).tokens.outputTokens, 100n);
  assert.equal((await ending({})).tokens.outputTokens, 101n);
});
