import { create } from "@bufbuild/protobuf";
import { timestampFromDate, ValueSchema } from "@bufbuild/protobuf/wkt";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import type { User } from "./model.ts";
import type { Profile } from "./profile.ts";

const statuses = {
  active: UserStatus.ACTIVE,
  inactive: UserStatus.INACTIVE,
  suspended: UserStatus.SUSPENDED,
} as const;

export function toStatusMessage(status: User["status"]): UserStatus {
  return statuses[status];
}

/** Undefined for one that is not set. */
export function fromStatusMessage(status: UserStatus): User["status"] | undefined {
  return (Object.keys(statuses) as User["status"][]).find((name) => statuses[name] === status);
}

/** A person as RPCs and events carry one. */
export function toUserMessage({ userId, tenantId, email, name, role, status, version, ...person }: User) {
  const { isEmailVerified, createdAt, updatedAt } = person;
  return {
    isEmailVerified,
    ...{ userId, tenantId, email, name, role, status: toStatusMessage(status), version: BigInt(version) },
    createdAt: timestampFromDate(createdAt),
    updatedAt: timestampFromDate(updatedAt),
  };
}

/** What `user.updated` tells, by the names under which it does. */
const told = {
  ...{ name: "name", email: "email", role: "role", status: "status" },
  ...{ locale: "locale", timeZone: "time_zone" },
} as const;
type Told = User & Partial<Pick<Profile, "locale" | "timeZone">>;

/** What `user.updated` tells of a change. */
export function toUpdatedMessage(before: Told, after: Told, updatedBy: string) {
  const changes = (Object.keys(told) as (keyof typeof told)[]).flatMap((name) => {
    const [oldText = "", newText = ""] = [before[name], after[name]];
    return oldText === newText ? [] : [{ field: told[name], oldValue: toValue(oldText), newValue: toValue(newText) }];
  });
  const { userId, tenantId, role, status, version, updatedAt } = after;
  return {
    ...{ userId, tenantId, role, changes, updatedBy, status: toStatusMessage(status), version: BigInt(version) },
    updatedAt: timestampFromDate(updatedAt),
  };
}

function toValue(text: string) {
  return create(ValueSchema, { kind: { case: "stringValue", value: text } });
}
