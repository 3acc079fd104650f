/** Services that keep something of a person, and say what by `<service>.person.exported`. */
export const exportingServices = ["ai-gateway", "audit", "auth", "billing", "group", "sso", "tenant", "user"] as const;

export type ExportingService = (typeof exportingServices)[number];

/** How long an export may be downloaded: a week. */
export const exportLifeMs = 604_800_000;

/** A request within this time of the one before gives that one. */
export const exportEveryMs = 3_600_000;

/** Held by those who export everybody of their tenant whose role is not above their own; everybody exports themselves. */
export const exportUsersPermission = "user:export";

/** A request for everything that is kept of a person. */
export interface PersonExport {
  readonly exportId: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly requestedBy: string;
  readonly sealedKey: Buffer;
  readonly publicKey: Buffer;
  readonly requestedAt: Date;
  readonly completedAt: Date | null;
  readonly expiresAt: Date;
}

/** A piece of what a service answered. */
export interface ExportPart {
  readonly service: string;
  /** From 0 on. */
  readonly number: number;
  readonly isLast: boolean;
  readonly content: Buffer;
  readonly receivedAt: Date;
}

/** How far an export is. */
export interface ExportProgress extends PersonExport {
  /** Each service, and when it had answered; null while it has not. */
  readonly parts: readonly { readonly service: string; readonly exportedAt: Date | null }[];
}
