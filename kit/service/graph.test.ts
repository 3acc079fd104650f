import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoService } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";
import { checkGraph, type GraphService } from "./graph.ts";

function service(name: string, needs: readonly string[] = [], more: Partial<GraphService> = {}): GraphService {
  return { name, needs: Object.fromEntries(needs.map((need) => [need, EchoService])), routes: [], ...more };
}

const routes = [{} as GraphService["routes"][number]];
const program = [
  service("api-gateway", ["auth"], { servesRoutes: true }),
  service("user", ["auth", "group"], { routes }),
  service("auth", ["group"]),
  service("group"),
  service("billing", [], { routes }),
];
const everything = program.map(({ name }) => name);
const textsOf = (check: ReturnType<typeof checkGraph>) => check.problems.map(({ message }) => message);

test("every service starts after what it needs, and the owner of the listener after all that have routes", () => {
  const check = checkGraph(program, everything, {});
  assert.deepEqual(check, { order: ["group", "auth", "user", "billing", "api-gateway"], problems: [] });
});

test("the order is the same in a process that hosts only some", () => {
  const { order } = checkGraph(program, everything, {});
  const peers = { group: "http://a", billing: "http://a", "api-gateway": "http://a" };
  assert.deepEqual(checkGraph(program, ["user", "auth"], peers), { order, problems: [] });
});

test("a need that is neither hosted nor a peer is named, with who needs it", () => {
  assert.deepEqual(textsOf(checkGraph(program, ["user"], { group: "http://a" })), [
    "auth is needed by user but is neither in --run nor in peers.",
  ]);
  assert.deepEqual(textsOf(checkGraph(program, ["api-gateway"], { auth: "http://a", user: "http://b" })), [
    "billing is needed by api-gateway but is neither in --run nor in peers.",
  ]);
});

test("an unknown name in --run or in peers is refused, and the known ones are listed", () => {
  const known = "There are: api-gateway, user, auth, group, billing.";
  assert.deepEqual(textsOf(checkGraph(program, ["group", "grup"], { biling: "http://a" })), [
    `--run names the service 'grup', which does not exist. ${known}`,
    `peers names the service 'biling', which does not exist. ${known}`,
  ]);
});

test("a need that is no service of the program is named", () => {
  assert.deepEqual(textsOf(checkGraph([service("a", ["ghost"])], ["a"], {})), [
    "a needs ghost, which is not a service of this program.",
  ]);
});

test("a cycle is named with its path, also one of a single service", () => {
  const circle = [
    service("x", ["a"]),
    service("a", ["b"]),
    service("b", ["c"]),
    service("c", ["a"]),
    service("d", ["d"]),
  ];
  assert.deepEqual(
    checkGraph(circle, ["d"], {}).problems.map(({ details }) => details.path),
    ["a → b → c → a", "d → d"],
  );
});
