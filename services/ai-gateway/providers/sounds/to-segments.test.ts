import assert from "node:assert/strict";
import { test } from "node:test";
import { type HeardWord, toSegments } from "./to-segments.ts";

const say = (text: string, at: (index: number) => number = (index) => index * 0.4): HeardWord[] =>
  text.split(" ").map((word, index) => ({
    ...{ text: word, before: " ", start: at(index), end: at(index) + 0.3, logprob: -0.5 },
  }));
const textsOf = (words: readonly HeardWord[]) => toSegments(words).map(({ text }) => text);

test("a sentence ends with its mark, also within quotes, and in Chinese", () => {
  assert.deepEqual(textsOf(say('He said "no." Then? Yes')), ['He said "no."', "Then?", "Yes"]);
  const chinese = [..."你好。世界"].map((text, index) => ({
    ...{ text, before: "", start: index, end: index + 1, logprob: undefined },
  }));
  assert.deepEqual(textsOf(chinese), ["你好。", "世界"]);
});

test("a pause, seven seconds or two lines end one too, and each tells when it is said", () => {
  const [first, second] = toSegments(say("one two", (index) => index * 1.4));
  assert.deepEqual([first?.text, first?.end, second?.start, second?.logprob], ["one", 0.3, 1.4, -0.5]);
  assert.equal(textsOf(say(Array.from({ length: 30 }, () => "a").join(" "))).length, 2);
  const long = say(Array.from({ length: 12 }, () => "characters").join(" "), (index) => index * 0.3);
  for (const text of textsOf(long)) assert.ok(text.length <= 84, text);
  assert.equal(textsOf(long).join(" "), long.map(({ text }) => text).join(" "));
  assert.deepEqual(toSegments([]), []);
});
