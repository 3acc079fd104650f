import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import { erasingServices } from "../model.ts";

export interface Erasure {
  readonly userId: string;
  readonly startedAt: Date;
  readonly isDone: boolean;
  /** Each service that held something of the person, and when it had forgotten that; null while it has not. */
  readonly parts: readonly { readonly service: string; readonly erasedAt: Date | null }[];
}

/** How far it is that everything of a person who is gone was forgotten. Throws `not_found` for whoever is not gone. */
export async function getErasure(
  { people }: Pick<UserDeps, "people">,
  { userId, tenantId }: { readonly userId: string; readonly tenantId: string | undefined },
): Promise<Erasure> {
  const startedAt = await people.findDeparted(userId, tenantId);
  if (!startedAt) throw new Failure(userFailures.not_found);
  const done = new Map((await people.listErasedParts(userId)).map(({ service, erasedAt }) => [service, erasedAt]));
  const others = erasingServices.map((service) => ({ service, erasedAt: done.get(service) ?? null }));
  const parts = [...others, { service: "user", erasedAt: startedAt }];
  return { userId, startedAt, isDone: parts.every(({ erasedAt }) => erasedAt !== null), parts };
}
