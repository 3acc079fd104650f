import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Route } from "@lyss/kit/http/route.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { countRows, digestStranger, plantStranger, readTables } from "./walk/database-state.ts";
import { heavyTexts, injectedTable, sqlInjections } from "./walk/hostile-text.ts";
import { findFault } from "./walk/judge-answer.ts";
import {
  findPlaces,
  ignoresUnknown,
  type Operation,
  readOperations,
  targetOf,
  valueAt,
  widestBody,
  withValueAt,
} from "./walk/operations.ts";
import { type Answer, type Attack, forAll, type Identity, runWalkedPlatform } from "./walk/walked-platform.ts";

const limits = { timeout: 1_800_000 };
const isFull = process.env["SCENARIO_FULL"] === "1";
type Walked = Awaited<ReturnType<typeof runWalkedPlatform>>;
let walked: Walked;
let api: Awaited<ReturnType<typeof readOperations>>;
const scope = closeInReverse({ after });

before(async () => {
  walked = await runWalkedPlatform(scope);
  api = await readOperations(walked.platform.url);
});

/** A request of an operation as the document shows it, but for what is given. */
function requestOf(operation: Operation, as: Identity, given: Partial<Attack> = {}): Attack {
  const body = operation.body === undefined ? undefined : JSON.stringify(operation.body);
  return { method: operation.route.method, target: targetOf(operation), as, body, ...given };
}

/** Whoever is let in everywhere: what asks for a fresh proof takes no key. */
const mostTrusted = ({ route }: Operation): Identity =>
  "stepUp" in route && route.stepUp === "persons" ? "person" : "operator";

/** Each operation once: those that stand at two places are one. */
function listOnce(): readonly Operation[] {
  const byHandler = Map.groupBy(api.operations, ({ route }) => `${route.handle}${route.method}${route.summary}`);
  return isFull ? api.operations : [...byHandler.values()].flatMap(([first]) => first ?? []);
}

/** What would take the platform from the tests that follow. */
const isSwitch = ({ path, operation }: Route<never>) => path === "/admin/degradation" || operation === "endSessions";

function tell(attack: Attack, answer: Answer, fault: string): string {
  return `${fault}: ${attack.method} ${attack.target.slice(0, 300)} ${attack.body?.slice(0, 300) ?? ""} as ${attack.as}: ${answer.status} ${answer.text.slice(0, 300)}`;
}

/** Sends all of it; gives what was wrong with the answers, and how often the database was seen doing what it was told to. */
async function sendAll(attacks: readonly { readonly operation: Operation; readonly attack: Attack }[]) {
  const faults: string[] = [];
  let asleep = 0;
  let sent = 0;
  await forAll(attacks, async ({ operation, attack }) => {
    const answer = await walked.send(attack);
    const fault = findFault(answer, operation.route, api.document["x-failures"], acceptLanguageOf(attack));
    if (fault !== undefined) faults.push(tell(attack, answer, fault));
    // A statement that sleeps does so for seven seconds: it is seen by one of these.
    if (sent++ % 40 === 0) asleep += await countAsleep();
  });
  return { faults, asleep: asleep + (await countAsleep()) };
}

async function countAsleep(): Promise<number> {
  const [row] = await walked.sql`select count(*)::int as asleep from pg_stat_activity where wait_event = 'PgSleep'`;
  return Number(row?.["asleep"]);
}

function acceptLanguageOf({ headers }: Attack): string {
  return String(headers?.["accept-language"] ?? "");
}

/** Every place of a request into which a text can be put, with what puts it there. */
function listSlots(operation: Operation): readonly ((text: string) => Partial<Attack>)[] {
  const { parameters, body, bodySchema } = operation;
  const inTarget = parameters
    .filter((one) => one.in !== "header")
    .map(({ name }) => (text: string) => ({ target: targetOf(operation, { [name]: text }) }));
  const widest = bodySchema && widestBody(bodySchema, api.resolve);
  const inBody = findPlaces(widest, (value) => typeof value === "string").map((place) => (text: string) => ({
    body: JSON.stringify(withValueAt(body, place, text, widest)),
  }));
  return [...inTarget, ...inBody];
}

const readHeaders = [
  ...["authorization", "x-api-key", "idempotency-key", "if-match", "accept-language", "traceparent", "user-agent"],
  ...["x-lyss-priority", "lyss-tags", "lyss-keep-alive", "stripe-signature", "content-type", "content-encoding"],
  ...["cookie", "origin"],
];

/** As whoever may do it: the owner has everything in one tenant; the operator is heard where nobody else is. */
function hearerOf({ permission }: Route<never>): Identity {
  return permission.startsWith("platform:") ? "operator" : "owner";
}

function listSqlAttacks() {
  const corpus = [...sqlInjections, ...heavyTexts.filter((text) => text.length <= 200)];
  const attacks: { readonly operation: Operation; readonly attack: Attack }[] = [];
  let next = 0;
  const drawOf = (count: number) => corpus.slice(0, count).map(() => corpus[next++ % corpus.length] ?? "");
  const take = (count: number) => (isFull ? corpus : drawOf(count));
  for (const operation of listOnce().filter(({ route }) => !isSwitch(route))) {
    const as = hearerOf(operation.route);
    for (const slot of listSlots(operation)) {
      for (const text of take(2)) attacks.push({ operation, attack: requestOf(operation, as, slot(text)) });
    }
    const headers = isFull ? readHeaders : [readHeaders[next % readHeaders.length] ?? "authorization", "authorization"];
    for (const header of headers) {
      // The whole corpus where credentials are read; of the others each header gets all of it over the operations.
      const texts = isFull && header !== "authorization" ? drawOf(3) : take(1);
      for (const text of texts) {
        const value = encodeURI(text).replaceAll("%20", " ");
        const sent = { [header]: header === "authorization" ? `Bearer ${value}` : value };
        attacks.push({ operation, attack: requestOf(operation, as, { headers: sent }) });
      }
    }
  }
  return attacks;
}

test(
  "S8: SQL in every parameter, field and header of every operation is text: nothing runs, nothing of another tenant changes",
  limits,
  async (t) => {
    const { sql, send } = walked;
    assert.ok(sqlInjections.length >= 60);
    const tables = await readTables(sql);
    assert.ok((await plantStranger(sql)) >= 3);
    const stranger = await digestStranger(sql);
    const { owner: owners = [], operator: operators = [] } = Object.groupBy(
      listSqlAttacks(),
      ({ attack }) => attack.as ?? "nobody",
    );
    const byOwner = await sendAll(owners);
    assert.deepEqual(await digestStranger(sql), stranger);
    // What operators do, such as adding up all balances again, may reach every tenant.
    const byOperator = await sendAll(operators);
    const faults = [...byOwner.faults, ...byOperator.faults];
    assert.deepEqual(faults.slice(0, 20), [], `${faults.length} faults`);
    assert.equal(byOwner.asleep + byOperator.asleep, 0);
    assert.deepEqual(await readTables(sql), tables);
    const [found] = await sql`select count(*)::int as tables from pg_class where relname = ${injectedTable}`;
    assert.equal(found?.["tables"], 0);
    assert.equal((await send({ method: "GET", target: "/v1/keys", as: "operator" })).status, 200);
    t.diagnostic(`${owners.length + operators.length} requests to ${listOnce().length} operations`);
  },
);

test("S8: reads with SQL in them leave no row behind and take none away", limits, async () => {
  const { sql } = walked;
  const reads = listOnce().filter(({ route }) => route.method === "GET");
  const attacks = reads.flatMap((operation, index) =>
    listSlots(operation).map((slot, number) => ({
      operation,
      attack: requestOf(operation, "viewer", slot(sqlInjections[(index + number * 7) % sqlInjections.length] ?? "'")),
    })),
  );
  const before = await countRows(sql);
  const { faults } = await sendAll(attacks);
  assert.deepEqual(faults.slice(0, 20), []);
  const now = await countRows(sql);
  // What the platform writes down by itself meanwhile is in no table of people, keys, groups or money.
  const owned = Object.keys(before).filter((place) =>
    /^(auth|user|"user"|tenant|"group"|credential|billing)\.(?!.*(event|outbox|lease|used|audit|idempot|sign_in|attempt|back_off))/.test(
      place,
    ),
  );
  assert.ok(owned.length > 10);
  assert.deepEqual(
    owned.map((place) => [place, now[place]]),
    owned.map((place) => [place, before[place]]),
  );
});

const isTwoKeys = /^\/v1(beta)?\/(models|batches)\b.*[?&]key=1&key=2/;
test(
  "S17: names that reach a prototype, fields and parameters given twice are refused by every operation, and do nothing",
  limits,
  async (t) => {
    const { send, platform } = walked;
    const shown = await (await fetch(`${platform.url}/openapi.json`)).text();
    const wrong: string[] = [];
    let sent = 0;
    const attack = async (operation: Operation, given: Partial<Attack>, named: RegExp) => {
      const request = requestOf(operation, mostTrusted(operation), given);
      const answer = await send(request);
      sent++;
      const fault = findFault(answer, operation.route, api.document["x-failures"]);
      // Model calls pass on what they do not know, and OAuth ignores it: there it must do nothing.
      const isRefused = ignoresUnknown(operation.route)
        ? answer.status !== 500
        : (answer.status === 400 && named.test(answer.text)) ||
          (answer.status === 401 && isTwoKeys.test(request.target));
      if (fault !== undefined || !isRefused) wrong.push(tell(request, answer, fault ?? "not refused"));
      if (answer.headers["polluted"] !== undefined || /"polluted"/.test(answer.text))
        wrong.push(tell(request, answer, "polluted"));
    };
    const work: (() => Promise<void>)[] = [];
    for (const operation of listOnce()) {
      const { bodySchema, body, parameters, route } = operation;
      const widest = bodySchema && widestBody(bodySchema, api.resolve);
      const objects = findPlaces(
        widest,
        (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      );
      for (const [index, place] of objects.entries()) {
        const names = isFull || index === 0 ? ["__proto__", "constructor", "prototype"] : ["__proto__"];
        for (const name of names) {
          // Written by hand: an object literal with such a name is something else.
          const marked = withValueAt(
            body,
            place,
            { ...(valueAt(body, place) ?? (valueAt(widest, place) as object)), "@": 1 },
            widest,
          );
          const text = JSON.stringify(marked).replace(
            '"@":1',
            `"${name}":{"polluted":"yes","prototype":{"polluted":"yes"}}`,
          );
          // A place in a list that the example leaves empty is not there to be marked.
          if (!text.includes("polluted")) continue;
          work.push(() => attack(operation, { body: text }, /not an allowed field name/));
        }
      }
      const [name] = Array.isArray(body) ? [] : Object.keys((body ?? {}) as object);
      if (name !== undefined) {
        const text = JSON.stringify(body).replace("{", `{${JSON.stringify(name)}:null,`);
        work.push(() => attack(operation, { body: text }, /twice/));
      }
      if (route.kind === "json") {
        for (const { name } of parameters.filter((one) => one.in === "query" && one.schema["type"] !== "array")) {
          const target = targetOf(operation, { [name]: "1" });
          work.push(() => attack(operation, { target: `${target}&${name}=2` }, /twice/));
        }
        const mark = targetOf(operation).includes("?") ? "&" : "?";
        work.push(() => attack(operation, { target: `${targetOf(operation)}${mark}__proto__=1` }, /__proto__/));
        work.push(() =>
          attack(operation, { target: `${targetOf(operation)}${mark}constructor[prototype][x]=1` }, /constructor/),
        );
      }
    }
    await forAll(work, (one) => one());
    assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${sent}`);
    assert.equal(await (await fetch(`${platform.url}/openapi.json`)).text(), shown);
    t.diagnostic(`${sent} requests`);
  },
);

/** What would give somebody more than they have, if a write took it. */
const privileges: Readonly<Record<string, unknown>> = {
  ...{
    role: "operator",
    roles: ["operator"],
    permissions: ["*", "platform:*"],
    is_admin: true,
    isAdmin: true,
    scope: "*",
  },
  ...{
    tenant_id: "tnt_1",
    tenantId: "tnt_1",
    user_id: "usr_1",
    userId: "usr_1",
    owner_id: "usr_1",
    created_by: "usr_1",
  },
  ...{
    allowed_routes: ["*"],
    remaining: 1e9,
    balance: "1000000",
    credit_limit: "1000000",
    budget: null,
    plan: "unlimited",
  },
  ...{ is_barred: false, status: "active", email_verified: true, emailVerified: true, password_hash: "x", version: 1 },
  ...{
    id: "key_1",
    key_id: "key_1",
    secret_hash: "x",
    expires_in: 1e9,
    grantor: { permissions: ["*"] },
    author: "usr_1",
  },
};

test(
  "I9: no write takes a field that gives more than one has: each is refused by name unless the operation declares it",
  limits,
  async (t) => {
    const { send } = walked;
    const wrong: string[] = [];
    const work: (() => Promise<void>)[] = [];
    let turn = 0;
    for (const operation of listOnce()) {
      const { route, body, bodySchema } = operation;
      if (ignoresUnknown(route) || route.method === "GET" || Array.isArray(body)) continue;
      const declared = new Set(Object.keys(bodySchema?.properties ?? {}));
      const names = Object.keys(privileges).filter((name) => !declared.has(name));
      const some = isFull ? names : names.filter((_name, index) => (index + turn) % 3 === 0);
      turn++;
      for (const name of some) {
        const request = requestOf(operation, mostTrusted(operation), {
          body: JSON.stringify({ ...(body as object), [name]: privileges[name] }),
        });
        work.push(async () => {
          const answer = await send(request);
          const isNamed = answer.status === 400 && answer.text.includes(name);
          if (!isNamed) wrong.push(tell(request, answer, `${name} is not refused`));
        });
      }
      const mark = targetOf(operation).includes("?") ? "&" : "?";
      const request = requestOf(operation, mostTrusted(operation), {
        target: `${targetOf(operation)}${mark}tenant_id=tnt_1`,
      });
      work.push(async () => {
        const answer = await send(request);
        if (answer.status !== 400) wrong.push(tell(request, answer, "tenant_id in the query is not refused"));
      });
    }
    await forAll(work, (one) => one());
    assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${work.length}`);
    t.diagnostic(`${work.length} requests`);
  },
);

/** What stands where something else was expected. */
const junk: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    9_007_199_254_740_992,
    "",
    " ",
    "x",
    "\u0000",
    "\ud800",
    "ß".repeat(300),
    "9".repeat(30),
  ],
  ...[
    [],
    [null],
    {},
    { x: 1 },
    [[[[[]]]]],
    "a".repeat(70_000),
    "2026-13-45T99:99:99Z",
    "\u202e\ufeff",
    "-0",
    "NaN",
    "../../etc",
  ],
];

test(
  "S24: requests that are almost right are answered as the document says, in both languages: 0 × 5xx, nothing from inside",
  limits,
  async (t) => {
    const seed = Number(process.env["SCENARIO_SEED"] ?? 20_261_126);
    const { between } = createSeeded(seed);
    const pick = <Item>(items: readonly Item[]): Item => items[between(0, items.length - 1)] as Item;
    const operations = listOnce().filter(({ route }) => !isSwitch(route));
    const attacks = Array.from({ length: isFull ? 50_000 : 3_000 }, () => {
      const operation = pick(operations);
      const { body, bodySchema, parameters } = operation;
      const widest = bodySchema && widestBody(bodySchema, api.resolve);
      const as = between(0, 4) > 0 ? hearerOf(operation.route) : pick(["nobody", "viewer", "powerless"] as const);
      const headers = { "accept-language": pick(["zh-CN", "en", "zh;q=0.9, en;q=0.1", "de"]) };
      const named = parameters.filter((one) => one.in !== "header" && between(0, 2) === 0);
      const given = Object.fromEntries(
        named.map(({ name }) => [name, String(pick(junk)).slice(0, 300).toWellFormed()]),
      );
      let sent = body;
      for (let changes = body === undefined ? 0 : between(0, 2); changes > 0; changes--) {
        sent = withValueAt(sent, pick(findPlaces(widest, () => true)), pick(junk), widest);
      }
      const text = sent === undefined ? undefined : JSON.stringify(sent);
      const cut = text !== undefined && between(0, 19) === 0 ? text.slice(0, between(0, text.length)) : text;
      return {
        operation,
        attack: requestOf(operation, as, { headers, target: targetOf(operation, given), body: cut }),
      };
    });
    const { faults } = await sendAll(attacks);
    assert.deepEqual(faults.slice(0, 20), [], `${faults.length} of ${attacks.length}, seed ${seed}`);
    t.diagnostic(`${attacks.length} requests, seed ${seed}`);
  },
);
