import { queryOptions, useQuery } from "@tanstack/react-query";
import { endBrowserSession, getTenant, getUser, keepBrowserSession, validateToken } from "../api/gen/client.ts";
import { markSignedIn } from "../api/keep-session.ts";
import { Problem } from "../api/problem.ts";
import { queryClient } from "./query-client.ts";

/** Who is signed in, and what they may do. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => validateToken({}, { signal }),
  staleTime: 60_000,
});
export const personQuery = queryOptions({
  queryKey: ["person"],
  queryFn: ({ signal }) => getUser({ path: { id: "me" } }, { signal }),
  staleTime: 300_000,
});
export const tenantQuery = queryOptions({
  queryKey: ["tenant"],
  queryFn: ({ signal }) => getTenant({ path: { id: "me" } }, { signal }),
  staleTime: 300_000,
});

/** Puts a session into the browser's keeping. Throws a `Problem` where the browser does not keep it. */
export async function beginSession(refreshToken: string, notKept: string): Promise<void> {
  await keepBrowserSession({ body: { refresh_token: refreshToken } }, { keepsSession: false });
  try {
    await validateToken({}, { keepsSession: false });
  } catch (err) {
    if (!(err instanceof Problem) || err.status !== 401) throw err;
    throw new Problem({
      status: 401,
      code: "cookie",
      message: notKept,
      details: {},
      traceId: undefined,
      docUrl: undefined,
    });
  }
  markSignedIn(true);
  queryClient.clear();
}

/** Ends the session here and at the platform, and then leaves by `leave`. */
export async function endSession(leave: () => Promise<void>): Promise<void> {
  await queryClient.cancelQueries();
  await endBrowserSession({}, { keepsSession: false }).catch(() => undefined);
  markSignedIn(false);
  await leave();
  // Not before: what is still shown would ask again, and be refused.
  queryClient.clear();
}

/** Tells what the person may do. */
export function useCan(): (permission: string | undefined) => boolean {
  const { data } = useQuery(sessionQuery);
  return (permission) => permission === undefined || permits(data?.permissions ?? [], permission);
}

/** As the platform has it (kit/rpc/call-context.ts): `*` is everything but what is the platform's. */
export function permits(held: readonly string[], wanted: string): boolean {
  const [resource, action] = wanted.split(":");
  const isPlatform = resource === "platform";
  return held.some((permission) => {
    if (permission === wanted) return true;
    if (permission === "*") return !isPlatform;
    const [heldResource, heldAction] = permission.split(":");
    const coversResource = heldResource === resource || (heldResource === "*" && !isPlatform);
    return coversResource && (heldAction === "*" || heldAction === action);
  });
}
