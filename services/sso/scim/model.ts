import type { Connection } from "../model.ts";
import type { UserDocument } from "./attributes.ts";

/** Who speaks SCIM: a token of a connection. */
export interface ScimCaller {
  readonly connection: Connection;
  readonly tokenId: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/** A token as administrators see it. */
export interface ScimToken {
  readonly tokenId: string;
  readonly connectionId: string;
  readonly tenantId: string;
  readonly prefix: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  /** Null for one without an end. */
  readonly expiresAt: Date | null;
}

interface Resource {
  /** The resource's id in SCIM: given here, never by the provider, and no id of anything else. */
  readonly resourceId: string;
  readonly connectionId: string;
  readonly tenantId: string;
  /** The provider's own name for it, kept and told, and used for nothing else. Empty for none. */
  readonly externalId: string;
  /** 1, and one more for each change. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A person whom a connection manages. */
export interface ScimUser extends Resource {
  readonly userId: string;
  readonly userName: string;
  /** In lower case: by which the person signs in. */
  readonly email: string;
  readonly isActive: boolean;
  readonly attributes: Omit<UserDocument, "userName" | "externalId" | "active">;
  /** Whether the person here is still to follow. */
  readonly isDue: boolean;
}

/** A group that a connection manages, without its members. */
export interface ScimGroup extends Resource {
  readonly displayName: string;
}

/** A part of a list, counted from 1 (RFC 7644, 3.4.2.4). */
export interface ListWanted {
  readonly filter: string | undefined;
  readonly startIndex: number;
  readonly count: number;
}

export interface Listed<Row> {
  readonly total: number;
  readonly startIndex: number;
  readonly rows: readonly Row[];
}

/** Names a resource, and the version that a change is meant for; undefined when any will do. */
export interface ScimReference {
  readonly caller: ScimCaller;
  readonly resourceId: string;
  readonly expectedVersion?: number | undefined;
}
