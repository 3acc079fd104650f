import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sessionEnded } from "@lyss/contracts/events/auth.ts";
import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { startLogoutReceiver } from "./sign-on/logout-receiver.ts";
import { createClient, createPerson, discover, issuer, sendTo, signIn } from "./sign-on/relying-party.ts";
import { createScope, type SignOnWorld, signOnServices, startSignOn } from "./sign-on/world.ts";

eachTopology("I14 OP: programs are told of logouts", { services: signOnServices }, (topology) => {
  let world: SignOnWorld;
  let tenantId = "";
  let receiver: Awaited<ReturnType<typeof startLogoutReceiver>>;

  const scope = createScope();
  after(scope.end);
  before(async () => {
    world = await startSignOn(topology, scope);
    ({ tenantId } = await world.newTenant());
    receiver = await startLogoutReceiver(scope);
    await world.service.hear();
  });

  /** Somebody who has signed in to a program that wants to be told. */
  async function begin(more: object = {}) {
    const client = await createClient(world, tenantId, { backchannel_logout_uri: receiver.url, ...more });
    const config = await discover(world, client);
    const person = await createPerson(world, tenantId);
    const { tokens } = await signIn(config, world.newBrowser(), person.email);
    return { client, config, person, idToken: (tokens.claims() ?? {}) as Readonly<Record<string, unknown>> };
  }

  /** As auth says it when the sessions of a person end, twice over. */
  async function endSessions({ userId }: { readonly userId: string }) {
    await world.authClient.endSessions({ tenantId, userId, reason: SessionEndReason.REVOKED });
    const logins = await world.service.sql<{ sessionId: string }[]>`
      select session_id as "sessionId" from provider_login where user_id = ${userId}`;
    assert.ok(logins.length > 0);
    for (const { sessionId } of [...logins, ...logins]) {
      assert.equal((await world.authClient.checkSession({ sessionId })).isActive, false);
      await world.service.say(sessionEnded, { sessionId, tenantId, userId, reason: SessionEndReason.REVOKED });
    }
    await world.service.untilHeard();
  }

  /** What was received since, once both nodes have told what was due. */
  async function received(): Promise<readonly string[]> {
    receiver.tokens.length = 0;
    await Promise.all(world.nodes.map(({ ops }) => ops.tellPrograms()));
    return [...receiver.tokens];
  }
  const makeDue = () => world.service.sql`update logout_notice set due_at = now() - interval '1 second'`;
  const waiting = ({ id }: { readonly id: string }) =>
    world.service.sql`select tries from logout_notice where client_id = ${id}`;

  async function verify(token: string, clientId: string) {
    const keys = (await (await sendTo(world)(`${issuer}/jwks`)).json()) as JSONWebKeySet;
    const typ = "logout+jwt";
    return (await jwtVerify(token, createLocalJWKSet(keys), { issuer, audience: clientId, typ })).payload;
  }

  test("I14 OP oidcc-backchannel-rp-initiated-logout: who is away is told again, by another token, until it has heard", async () => {
    const { client, config, person, idToken } = await begin({ backchannel_logout_session_required: true });
    const said = config.serverMetadata() as Readonly<Record<string, unknown>>;
    assert.deepEqual(
      [said["backchannel_logout_supported"], said["backchannel_logout_session_supported"]],
      [true, true],
    );
    assert.ok(idToken["sid"]);
    await endSessions(person);
    receiver.status = 503;
    const [first = "", ...more] = await received();
    assert.deepEqual(more, []);
    assert.deepEqual(await received(), [], "not before its time");
    await makeDue();
    receiver.status = 200;
    const [second = ""] = await received();
    assert.deepEqual([...(await waiting(client))], []);
    const [one, other] = [await verify(first, client.id), await verify(second, client.id)];
    assert.notEqual(one.jti, other.jti);
    const { iat = 0, exp = 0, jti, ...rest } = other;
    assert.ok(exp - iat <= 120 && jti);
    assert.deepEqual(rest, {
      ...{ iss: issuer, aud: client.id, sub: person.userId, sid: idToken["sid"] },
      events: { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    await endSessions(person);
    assert.deepEqual(await received(), [], "nobody has signed in since");
  });

  test("I14 OP each program is told of its own people, by their name alone unless it wants the session's; one that refuses is told once", async () => {
    const { client, person, idToken } = await begin();
    const bystander = await begin();
    assert.equal(idToken["sid"], undefined);
    await endSessions(person);
    receiver.status = 400;
    const told = await received();
    assert.equal(told.length, 1);
    const payload = await verify(told[0] ?? "", client.id);
    assert.deepEqual([payload.sub, payload["sid"], payload["nonce"]], [person.userId, undefined, undefined]);
    assert.deepEqual([...(await waiting(client))], []);
    receiver.status = 200;
    // Whoever is gone is told of, too.
    await world.service.db.transaction((tx) => world.service.ops.forgetPerson(tx, bystander.person));
    const [gone = ""] = await received();
    assert.equal((await verify(gone, bystander.client.id)).sub, bystander.person.userId);
  });

  test("I14 OP a program that wants to hear no more, or is removed, is not called", async () => {
    const [quiet, removed] = [await begin(), await begin()];
    const admin = `${tenantId}/usr_admin/sso:manage`;
    await endSessions(quiet.person);
    await endSessions(removed.person);
    const path = `/api/v1/sso/clients/${quiet.client.id}`;
    const changed = await world.call(admin, "PATCH", path, { backchannel_logout_uri: null });
    assert.equal(changed.json.backchannel_logout_uri, null);
    assert.equal((await world.call(admin, "DELETE", `/api/v1/sso/clients/${removed.client.id}`)).status, 200);
    assert.deepEqual(await received(), []);
    assert.deepEqual([...(await waiting(quiet.client))], []);
  });
});
