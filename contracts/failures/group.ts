import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the group service may answer besides a result. */
export const groupFailures = defineFailures("group", {
  not_found: {
    kind: "not_found",
    publicCode: "GROUP_001",
    text: { en_US: "There is no such group.", zh_CN: "群组不存在。" },
  },
  member_not_found: {
    kind: "not_found",
    publicCode: "GROUP_002",
    text: { en_US: "This person is not in the group.", zh_CN: "该用户不在此群组中。" },
  },
  person_not_found: {
    kind: "not_found",
    publicCode: "GROUP_003",
    text: {
      en_US: "There is no such person in this tenant. Somebody created a moment ago may take a second to be known.",
      zh_CN: "该租户中没有此用户。刚刚创建的用户可能需要片刻才能生效。",
    },
  },
  name_taken: {
    kind: "already_exists",
    publicCode: "GROUP_004",
    text: { en_US: "Another group has this name.", zh_CN: "该名称已被其他群组使用。" },
  },
  member_exists: {
    kind: "already_exists",
    publicCode: "GROUP_005",
    text: {
      en_US: "This person is in the group already, as {role}. Change the role instead.",
      zh_CN: "该用户已在此群组中，角色为 {role}。如需调整请修改其角色。",
    },
  },
  archived: {
    kind: "failed_precondition",
    publicCode: "GROUP_006",
    httpStatus: 409,
    text: { en_US: "This group is archived and changes no more.", zh_CN: "该群组已归档，不能再更改。" },
  },
  last_owner: {
    kind: "failed_precondition",
    publicCode: "GROUP_007",
    httpStatus: 409,
    text: {
      en_US: "A group keeps at least one owner. Make somebody else an owner first.",
      zh_CN: "群组至少须保留一名所有者，请先指定其他所有者。",
    },
  },
  version_mismatch: {
    kind: "failed_precondition",
    publicCode: "GROUP_008",
    httpStatus: 412,
    text: {
      en_US: "The group has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "群组已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_members: {
    kind: "failed_precondition",
    publicCode: "GROUP_009",
    httpStatus: 409,
    text: { en_US: "A group has at most {limit} members.", zh_CN: "每个群组最多 {limit} 名成员。" },
  },
  too_many_groups: {
    kind: "failed_precondition",
    publicCode: "GROUP_010",
    httpStatus: 409,
    text: {
      en_US: "A tenant has at most {limit} groups that are not archived.",
      zh_CN: "每个租户最多 {limit} 个未归档的群组。",
    },
  },
  not_permitted: {
    kind: "permission_denied",
    publicCode: "GROUP_011",
    text: {
      en_US: "Your role in this group does not include '{permission}'.",
      zh_CN: "您在此群组中的角色不包含“{permission}”权限。",
    },
  },
  version_not_found: {
    kind: "not_found",
    publicCode: "GROUP_013",
    text: {
      en_US: "The group was not there yet, or has fewer versions: it is at version {current}.",
      zh_CN: "当时该群组尚不存在，或没有此版本：当前版本为 {current}。",
    },
  },
  owner_missing: {
    kind: "invalid_argument",
    publicCode: "GROUP_012",
    text: {
      en_US: "This key acts for nobody, so say in owner_id who will own the group.",
      zh_CN: "该密钥不代表任何用户，请在 owner_id 中指定群组所有者。",
    },
  },
  parent_not_found: {
    kind: "not_found",
    publicCode: "GROUP_014",
    text: { en_US: "There is no such parent group, or it is archived.", zh_CN: "上级群组不存在或已归档。" },
  },
  parent_circular: {
    kind: "failed_precondition",
    publicCode: "GROUP_015",
    httpStatus: 409,
    text: {
      en_US: "A group cannot be below itself. Choose another parent.",
      zh_CN: "群组不能位于自身之下，请选择其他上级。",
    },
  },
  too_deep: {
    kind: "failed_precondition",
    publicCode: "GROUP_016",
    httpStatus: 409,
    text: {
      en_US: "Groups stand at most {limit} levels deep. Choose a parent further up.",
      zh_CN: "群组最多嵌套 {limit} 层，请选择更高层的上级。",
    },
  },
  has_children: {
    kind: "failed_precondition",
    publicCode: "GROUP_017",
    httpStatus: 409,
    text: {
      en_US: "There are groups below this one. Move or archive them first.",
      zh_CN: "该群组下还有子群组，请先移动或归档它们。",
    },
  },
  permission_not_held: {
    kind: "permission_denied",
    publicCode: "GROUP_018",
    text: {
      en_US: "You do not hold '{permission}' yourself, so you cannot give it.",
      zh_CN: "您自己没有“{permission}”权限，因此不能授予他人。",
    },
  },
});
