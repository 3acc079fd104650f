import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { type CallPhase, startCallRelay } from "./call-relay.ts";

const isFull = process.env["SCENARIO_FULL"] === "1";
const limits = { timeout: isFull ? 3_000_000 : 280_000 };
const seed = Number(process.env["SCENARIO_SEED"] ?? Date.now() % 1_000_000);

/** Each is a process of its own; `user` runs the saga and has the public port and the rest of the program. */
const participants = ["tenant", "group", "billing", "auth", "user"] as const;
type Participant = (typeof participants)[number];
const runOf = (name: Participant) =>
  name === "user" ? "user,api-gateway,ai-gateway,audit,credential,event,sso,workflow" : name;

/** One kill: before a call of the saga reaches its service, or after that has done its work and before the answer is there. */
interface Moment {
  readonly path: string;
  readonly phase: CallPhase;
  readonly victim: Participant;
}

const scope = closeInReverse({ after });
const mails = await startMailServer(scope);
const dataDir = mkdtempSync(join(tmpdir(), "lyss-killed-"));
scope.after(async () => rmSync(dataDir, { recursive: true, force: true }));
const { url: databaseUrl } = await createOwnServer(scope).start();
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
scope.after(() => sql.end());

/** The calls of the registration that is under way; undefined while none is. */
let heard: string[] | undefined;
let armed: Moment | undefined;
let restarted: Promise<void> | undefined;
const running = new Map<Participant, RunningPlatform>();

const ports = await findFreePorts(participants.length);
const relays: string[] = [];
for (const [index, name] of participants.entries()) {
  if (name === "user") continue;
  const relay = await startCallRelay(scope, `http://127.0.0.1:${ports[index]}`, (path, phase) =>
    hear(name, path, phase),
  );
  relays.push("--peer", `${name}=${relay}`);
}

/** Kills who is to be killed now, and starts them again; true when that is who answers this call, or who waits for it. */
async function hear(callee: Participant, path: string, phase: CallPhase): Promise<boolean> {
  if (phase === "before") heard?.push(path);
  if (armed?.path !== path || armed.phase !== phase) return false;
  const { victim } = armed;
  armed = undefined;
  await running.get(victim)?.kill();
  restarted = start(victim);
  return victim === callee || victim === "user";
}

async function start(name: Participant): Promise<void> {
  const port = String(ports[participants.indexOf(name)]);
  const platform = await runPlatform(scope, {
    dataDir,
    config: { database: { url: databaseUrl }, mail: { url: mails.url } },
    env: {
      ...{ LYSS_USER_REGISTRATION: "open", LYSS_HTTP_PUBLIC_URL: "http://lyss.test" },
      // All come from here.
      LYSS_USER_MAX_MAILS_PER_ADDRESS: "1000",
    },
    args: ["--run", runOf(name), "--rpc-port", port, ...relays],
    ...(name !== "user" && { readyWhen: /program is running/ }),
  });
  running.set(name, platform);
}

await Promise.all(participants.map(start));

const post = (path: string, body: object) =>
  requestJson(`${running.get("user")?.url}${path}`, "", { body }).catch(() => undefined);

/** Registers with a new address; the token of the mail that came. */
async function register(number: number): Promise<{ readonly email: string; readonly token: string }> {
  const email = `p${number}@example.com`;
  const body = { email, password: "correct horse battery", name: "Ann", organization: `Org ${number}` };
  await until("registered", async () => (await post("/api/v1/users/register", body))?.status === 202);
  let token: string | undefined;
  const hasCome = async () => {
    const mail = mails.received.find(({ to }) => to.includes(email));
    [, token] = /account#register=([\w-]{43})/.exec(mail?.text ?? "") ?? [];
    return token !== undefined;
  };
  await until("a mail", hasCome).catch(async (err: Error) => {
    const waiting = await sql`select mail_id, created_at, next_try_at, tries, now() from "user".mail_outbox`;
    throw new Error(`${err.message}; waiting to be sent: ${JSON.stringify(waiting)}`, { cause: err });
  });
  return { email, token: token ?? "" };
}

const confirm = (token: string) => post("/api/v1/users/register/confirm", { token });

const until = (what: string, isSo: () => Promise<boolean>) => waitUntil(isSo, { withinMs: 60_000, what });

/** What is there of a person in each place: all of it, or none. */
async function tracesOf(email: string) {
  const [row] = await sql`
    with who as (select user_id from "user".registration where email = ${email}),
      person as (select * from "user".person where user_id in (select user_id from who))
    select (select count(*)::int from person where status = 'active' and not is_pending) as people,
      (select count(*)::int from tenant.tenant where status = 'active' and tenant_id in (select tenant_id from person)) as tenants,
      (select count(*)::int from "group".person where user_id in (select user_id from who)) as admitted,
      (select count(*)::int from billing.wallet where tenant_id in (select tenant_id from person)) as wallets,
      (select count(*)::int from auth.session where user_id in (select user_id from who) and ended_at is null) as sessions,
      (select count(*)::int from event_log.event where type = 'user.created' and key in (select user_id from who)) as said`;
  return Object.values(row ?? {}).join();
}
const all = "1,1,1,1,1,1";
const nothing = "0,0,0,0,0,0";

/** What belongs to nobody, anywhere. */
async function orphans() {
  const [row] = await sql`
    select (select count(*)::int from "user".person where is_pending) as people,
      (select count(*)::int from tenant.tenant t where status = 'provisioning'
        or not exists (select from "user".person p where p.tenant_id = t.tenant_id)) as tenants,
      (select count(*)::int from "group".person g
        where not exists (select from "user".person p where p.user_id = g.user_id)) as admitted,
      (select count(*)::int from billing.wallet w
        where not exists (select from tenant.tenant t where t.tenant_id = w.tenant_id)) as wallets,
      (select count(*)::int from auth.session s where ended_at is null
        and not exists (select from "user".person p where p.user_id = s.user_id)) as sessions`;
  return Object.values(row ?? {}).join();
}

/** No registration is under way any more. */
async function untilOver(): Promise<void> {
  const isOver = async () => {
    const { url, apiKey } = running.get("user") as RunningPlatform;
    const answer = await requestJson(`${url}/admin/workflows/counts?saga=register-person`, apiKey).catch(
      () => undefined,
    );
    return answer?.status === 200 && answer.body["running"] === 0 && answer.body["parked"] === 0;
  };
  await until("the registration is over", isOver);
}

/** A registration during which that happens; tells how it went. */
async function registerAt(number: number, moment: Moment | undefined) {
  const { email, token } = await register(number);
  armed = moment;
  heard = [];
  const answer = await confirm(token);
  const calls = heard;
  heard = undefined;
  assert.equal(armed, undefined, `the moment did not come: ${JSON.stringify(moment)}`);
  await restarted;
  await untilOver();
  await until(`nobody's: ${await orphans()}`, async () => (await orphans()) === "0,0,0,0,0");
  const traces = await tracesOf(email);
  assert.ok(traces === all || traces === nothing, `${JSON.stringify(moment)}: ${traces}`);
  if (answer?.status === 201) assert.equal(traces, all);
  // Whoever was told that it failed, or nothing at all, shows the same link again.
  await until("the link works", async () => (await confirm(token))?.status === 201);
  assert.equal(await tracesOf(email), all, JSON.stringify(moment));
  return { calls, status: answer?.status, was: traces === all ? "all" : "nothing" };
}

/** The calls of a registration at which nothing goes wrong. On a busy machine the first may take longer than it may: it is undone, or nobody is told. */
async function registerUndisturbed() {
  for (let number = 0; number < 5; number++) {
    const { calls, status } = await registerAt(number, undefined);
    // Without its answer not all of its calls were heard.
    if (status === 201) return { calls, next: number + 1 };
  }
  assert.fail("no registration leaves all, though nobody is killed");
}

test(
  "S0.9, P1: whoever takes part in a registration is killed at whatever step, it leaves all of it or nothing, and the same link completes it",
  limits,
  async (t) => {
    t.diagnostic(`SCENARIO_SEED=${seed}`);
    const { calls, next } = await registerUndisturbed();
    const paths = [...new Set(calls)];
    for (const name of ["CreateTenant", "AdmitPerson", "CreateWallet", "StartSession", "ActivateTenant"]) {
      assert.ok(
        paths.some((path) => path.endsWith(`/${name}`)),
        `${name} is not called: ${paths}`,
      );
    }
    const moments = paths.flatMap((path) =>
      (["before", "after"] as const).flatMap((phase) =>
        participants.map((victim): Moment => ({ path, phase, victim })),
      ),
    );
    const seeded = createSeeded(seed);
    const drawn = participants.map((victim) => {
      // Whoever is asked at that moment; the others in full only. The saga's own process at whatever moment.
      const isMeant = ({ path }: Moment) => victim === "user" || path.includes(`.${victim}.`);
      const ofVictim = moments.filter((moment) => moment.victim === victim && isMeant(moment));
      return ofVictim[seeded.between(0, ofVictim.length - 1)] as Moment;
    });
    const counts = { all: 0, nothing: 0 };
    const chosen = isFull ? moments : drawn;
    for (const [index, moment] of chosen.entries()) {
      const { was: left } = await registerAt(next + index, moment);
      counts[left as keyof typeof counts]++;
      if (!isFull) t.diagnostic(`${moment.victim} killed ${moment.phase} ${moment.path}: ${left}`);
    }
    t.diagnostic(`${chosen.length} kills at ${paths.length} calls: ${counts.all} left all, ${counts.nothing} nothing`);
  },
);
