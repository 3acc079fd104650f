import { Failure } from "./failure.ts";
import { kitFailures } from "./kit-failures.ts";

/** What sockets and resolvers say when nobody is there. */
const socketCodes = ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND"];
/** What the PostgreSQL driver says of a session that ended or could not be had. */
const sessionCodes = ["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "CONNECTION_ENDED", "CONNECT_TIMEOUT"];
/**
 * What PostgreSQL says itself (its manual, appendix A): it stops, crashed or starts; it has no session left; it is a
 * standby, to which nothing can be written.
 */
const serverCodes = ["57P01", "57P02", "57P03", "53300", "25006"];
const outageCodes = new Set([...socketCodes, ...sessionCodes, ...serverCodes]);

/** An outage is over when it is over; a caller that asks every second neither waits for long nor disturbs. */
const retryAfterMs = 1_000;

/**
 * `kit.unavailable` for an error that says that the database, or whatever else stands behind a socket, cannot be reached;
 * undefined for every other error. The work may have been done: only its answer is known to be lost.
 */
export function toOutage(err: unknown): Failure | undefined {
  const code = err instanceof Error && "code" in err ? err.code : undefined;
  const isOutage = typeof code === "string" && (outageCodes.has(code) || /^08\w{3}$/.test(code));
  if (!isOutage) return undefined;
  return new Failure(kitFailures.unavailable, { service: "database" }, { cause: err, retryAfterMs });
}
