import assert from "node:assert/strict";
import { test } from "node:test";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { isImpersonable } from "@lyss/kit/http/gate.ts";
import type { Route } from "@lyss/kit/http/route.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { type Disguise, disguiseHead, disguisePath } from "./walk/disguises.ts";
import {
  type Answer,
  type Attack,
  allRoutes,
  fillPath,
  forAll,
  type Identity,
  runWalkedPlatform,
  viewerPermissions,
} from "./walk/walked-platform.ts";

const limits = { timeout: 240_000 };
const isFull = process.env["SCENARIO_FULL"] === "1";
const outsiders = ["nobody", "forged", "powerless", "viewer"] as const;
const places = /^\/(?:api\/v1\/ai|api\/v1|v1)(?=\/)/;

/** The permission of what a method does at a route's path, which with a verb may be a name to another route; undefined where it does nothing. */
function permissionAt(route: Route<never>, method: string, target: string): string | undefined {
  if (method === route.method) return route.permission;
  return method === "HEAD"
    ? (allRoutes.find(({ path, method: other }) => path === route.path && other === "GET") ?? routeAt("GET", target))
        ?.permission
    : undefined;
}

/** Whose path it is when every segment is taken as it stands: `%252f` is a sign within a segment, and no slash. */
function routeAt(method: string, target: string): Route<never> | undefined {
  const segments = target.split("/");
  const fits = (path: string) => {
    const own = path.split("/");
    return own.length === segments.length && own.every((part, i) => part === segments[i] || /^\{\w+\}$/.test(part));
  };
  return allRoutes.find((route) => route.method === method && fits(route.path));
}

/** The status that the guard gives; undefined where it lets in. */
function verdictOf(permission: string, as: Identity): 401 | 403 | undefined {
  if (permission === "public" || as === "operator") return undefined;
  if (as === "nobody" || as === "forged") return 401;
  if (permission === "caller") return undefined;
  return as === "viewer" && permits(viewerPermissions, permission) ? undefined : 403;
}

test("in somebody's name an operator changes what is listed here, and nothing else", () => {
  const changes = allRoutes.filter((route) => route.method !== "GET" && route.permission !== "public");
  const allowed = changes.filter(isImpersonable).map(({ operation }) => operation.replace(/V1$|ApiV1$/, ""));
  assert.deepEqual([...new Set(allowed)].sort(), [
    ...["checkPermission", "createGroup", "removeAvatar", "setAvatar", "signOut"],
    ...["updateGroup", "updateProfile", "updateUserSettings"],
  ]);
  assert.ok(changes.length > 100, String(changes.length));
});

interface ErrorBody {
  readonly code: string;
  readonly details: { readonly field?: string };
}

function errorOf(text: string): Partial<ErrorBody> {
  try {
    return (JSON.parse(text) as { error?: ErrorBody }).error ?? {};
  } catch {
    return {};
  }
}

/** True for an answer that was given before any route was looked at: there is no such path or method, or no such head. */
function isRefusedUnseen({ status, text }: Answer): boolean {
  // What node:http or the lane does not read as HTTP has no body.
  if (status === 400 && text === "") return true;
  // Of a path with other methods it tells these.
  if (status === 204) return true;
  if (text === "") return status === 404 || status === 405;
  const { code, details } = errorOf(text);
  const isHead = ["path", "Host", "authorization", "x-api-key"].includes(details?.field ?? "");
  return (
    code === kitFailures.not_found.publicCode ||
    code === kitFailures.method_not_allowed.publicCode ||
    (code === kitFailures.invalid_request.publicCode && isHead)
  );
}

test("S2: routes that lead to one operation ask for one permission, and none for operators is public", () => {
  const byPlace = Map.groupBy(allRoutes, ({ method, path }) => `${method} ${path.replace(places, "")}`);
  for (const [name, routes] of byPlace) {
    const permissions = new Set(routes.map(({ permission }) => permission));
    assert.equal(permissions.size, 1, `${name} asks for ${[...permissions].join(" or ")}`);
  }
  const open = allRoutes.filter(({ path, permission }) => path.startsWith("/admin/") && permission === "public");
  assert.deepEqual(open, []);
});

test(
  "S2, S4: each route, however it is written, is guarded as it is or is not there: 0 answers unguarded",
  limits,
  async (t) => {
    const { send, platform } = await runWalkedPlatform(t);
    const attacks: { readonly route: Route<never>; readonly as: Identity; readonly disguise: Disguise }[] = [];
    for (const [index, route] of allRoutes.entries()) {
      const path = fillPath(route.path);
      for (const as of outsiders) attacks.push({ route, as, disguise: { name: "as it is", target: path } });
      for (const [number, disguise] of [...disguisePath(path), ...disguiseHead(path, route.method)].entries()) {
        // In short, each route gets a third of them, as one of the outsiders; which and who moves on from route to route.
        if (!isFull && (index + number) % 3 !== 0) continue;
        const some = isFull ? outsiders : [outsiders[(index + (number >> 1)) % outsiders.length] ?? "nobody"];
        for (const as of some) attacks.push({ route, as, disguise });
      }
    }

    const unguarded: string[] = [];
    let guarded = 0;
    await forAll(attacks, async ({ route, as, disguise }) => {
      const { name, target, method = route.method, headers } = disguise;
      const body = ["POST", "PUT", "PATCH", "DELETE"].includes(method) && { body: "{}" };
      const attack: Attack = { method, target, as, ...(headers && { headers }), ...body };
      const answer = await send(attack);
      const told = `${method} ${target} as ${as} (${name}): ${answer.status} ${answer.text.slice(0, 150)}`;
      assert.ok(answer.status < 500 || answer.status === 501, told);
      // These credentials are in the place of the identity's own.
      const credential = headers?.["authorization"] === undefined ? as : "forged";
      const meant = name === "twice encoded slash" ? (routeAt(method, target) ?? route) : route;
      const permission = permissionAt(meant, method, target);
      const verdict = permission === undefined ? undefined : verdictOf(permission, credential);
      if (name === "as it is" && verdict !== undefined) assert.equal(answer.status, verdict, told);
      if (permission !== undefined && verdict === undefined) return;
      if (answer.status === verdict || isRefusedUnseen(answer)) guarded++;
      else unguarded.push(told);
    });
    assert.deepEqual(unguarded, []);
    assert.ok(guarded > allRoutes.length * 5);
    // The walk went both ways: on the lane and by the ordinary server.
    const metrics = await (await fetch(`${platform.url}/metrics`)).text();
    assert.ok(Number(/^edge_lane_requests_total (\d+)/m.exec(metrics)?.[1]) > 0);
    t.diagnostic(`${attacks.length} requests to ${allRoutes.length} routes, ${guarded} refused by guard or path`);
  },
);
