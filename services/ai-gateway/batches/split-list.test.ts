import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { splitList } from "./split-list.ts";

const google = ["batch", "inputConfig", "requests", "requests"];
const split = async (text: string, path: readonly string[] = ["requests"], most = 10) => {
  const { rest, items } = await splitList(Buffer.from(text), path, most);
  return { rest, items: items.map(String) };
};

test("a list is cut from its body: each item as it was written, and the rest as it was said", async () => {
  const items = ['{"a":"]},\\"[{\\\\"}', "[1,[2,{}]]", '"x,y"', "-1.5e3", "null", "{}"];
  const body = `\n{ "model":"m, [", "requests" : [ ${items.join(" , ")} ] , "n":{"requests":[9]}}`;
  assert.deepEqual(await split(body), { rest: { model: "m, [", requests: [], n: { requests: [9] } }, items });
  const nested =
    '{"batch":{"display_name":"d","input_config":{"requests":{"requests":[{"request":{}},{"request":{}}]}}}}';
  const { rest, items: found } = await split(nested, google);
  assert.deepEqual(found, ['{"request":{}}', '{"request":{}}']);
  assert.deepEqual(rest, { batch: { display_name: "d", input_config: { requests: { requests: [] } } } });
  for (const none of ["{}", '{"requests":7}', '{"requests":[]}']) assert.deepEqual((await split(none)).items, [], none);
});

test("what is no JSON around the list, stands twice, or is too much, is refused", async () => {
  const refused = async (text: string, failure: Parameters<typeof isFailure>[1]) =>
    assert.rejects(split(text, ["requests"], 2), (err) => isFailure(err, failure), text);
  for (const text of [
    "",
    "[1]",
    '{"requests":[1,2}',
    '{"requests":[1,2]',
    '{"requests":[1 2]}',
    '{"requests":[1]}}',
    '{"a" 1}',
  ]) {
    await refused(text, aiGatewayFailures.invalid_json);
  }
  for (const text of [
    ...['{"requests":[1,2,3]}', '{"requests":[1],"requests":[2]}', '{"requests":[,]}'],
    `{"requests":[1],"more":"${"x".repeat(70_000)}"}`,
  ]) {
    await refused(text, aiGatewayFailures.invalid_request);
  }
});

test("others have their turn while a long body is cut", async () => {
  const item = `{"params":{"numbers":[${"1,".repeat(200_000)}1]}}`;
  let turns = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; turns++) await setImmediate();
  })();
  const { items } = await splitList(Buffer.from(`{"requests":[${item},${item}]}`), ["requests"], 10);
  isOver = true;
  await others;
  assert.deepEqual([items.length, turns > 4], [2, true], `${turns} turns`);
});
