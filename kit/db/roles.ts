import type { Sql } from "./database.ts";
import { postgres } from "./driver.ts";
import { toScramVerifier } from "./scram.ts";

/** Every service's role is a member: what is granted to this group, every service may do. */
export const serviceGroup = "lyss_service";

/** The login of the service that owns one schema, determined by the installation's root key. */
export interface ServiceRole {
  readonly role: string;
  readonly password: string;
  readonly verifier: string;
  /** Differs between root keys and reveals nothing of them. Kept in the database as the role's comment. */
  readonly fingerprint: string;
}

const attemptLimit = 5;
// unique_violation, duplicate_object, and "tuple concurrently updated": roles are shared by all databases of a server.
const raceCodes = ["23505", "42710", "XX000"];

export function deriveServiceRole(schema: string, deriveKey: (purpose: string) => Buffer): ServiceRole {
  const password = deriveKey(`db.role.${schema}`).toString("base64url");
  const salt = deriveKey(`db.role-salt.${schema}`).subarray(0, 16);
  return {
    role: `lyss_${schema}`,
    password,
    verifier: toScramVerifier(password, salt),
    fingerprint: `lyss:${deriveKey(`db.role-fingerprint.${schema}`).toString("hex", 0, 8)}`,
  };
}

/**
 * Creates the roles that are missing; afterwards each can log in with its password and belongs to the service group.
 * One round trip when nothing is missing. Safe to repeat and to race. Throws an Error when a role was made with another
 * root key: whatever that key sealed could not be read either.
 */
export async function ensureRoles(admin: Sql, roles: readonly ServiceRole[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const statements = await planRoles(admin, roles);
    if (statements.length === 0) return;
    try {
      await admin.unsafe(`begin; ${statements.join("; ")}; commit`);
      return;
    } catch (err) {
      await admin.unsafe("rollback");
      const isRace = err instanceof postgres.PostgresError && raceCodes.includes(err.code);
      if (!isRace || attempt === attemptLimit) throw err;
    }
  }
}

async function planRoles(admin: Sql, roles: readonly ServiceRole[]): Promise<readonly string[]> {
  const names = [serviceGroup, ...roles.map(({ role }) => role)];
  const rows = await admin<{ rolname: string; comment: string | null }[]>`
    select rolname, shobj_description(oid, 'pg_authid') as comment from pg_roles where rolname = any(${names})`;
  const comments = new Map(rows.map((row) => [row.rolname, row.comment ?? ""]));
  const statements = comments.has(serviceGroup) ? [] : [`create role ${serviceGroup} nologin`];
  for (const { role, verifier, fingerprint } of roles) {
    const comment = comments.get(role);
    if (comment === fingerprint) continue;
    if (comment) {
      throw new Error(
        `the database role ${role} was made with another root key. Start with the key that this database was made ` +
          "with, or use a PostgreSQL server that no other Lyss installation uses.",
      );
    }
    statements.push(
      `${comment === undefined ? "create" : "alter"} role ${role} login password '${verifier}'`,
      `comment on role ${role} is '${fingerprint}'`,
      `grant ${serviceGroup} to ${role}`,
    );
  }
  return statements;
}
