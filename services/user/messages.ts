import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import type { User } from "./model.ts";

const statuses = {
  active: UserStatus.ACTIVE,
  inactive: UserStatus.INACTIVE,
  suspended: UserStatus.SUSPENDED,
} as const;

/** A person as RPCs and events carry one. */
export function toUserMessage({ userId, tenantId, email, name, role, status, createdAt, updatedAt }: User) {
  return {
    ...{ userId, tenantId, email, name, role, status: statuses[status] },
    createdAt: timestampFromDate(createdAt),
    updatedAt: timestampFromDate(updatedAt),
  };
}
