import { defineTexts } from "../../app/language.ts";

export const useGroupsTexts = defineTexts("groups", {
  en: {
    title: "Groups",
    description:
      "Teams and departments. A role in a group also applies to all groups below it, and a group can have its own budgets.",
    create: "Create group",
    name: "Name",
    about: "Description",
    members: "Members",
    permissions: "Permissions for members",
    status: "Status",
    active: "Active",
    archived: "Archived",
    changed: "Changed",
    emptyTitle: "No groups yet",
    empty:
      "Put people who share work and a budget into one group, such as a team. Groups can be nested like your organisation.",
    createTitle: "Create a group",
    createHint: "You become its owner.",
    parent: "Parent group",
    noParent: "None",
  },
  "zh-CN": {
    title: "群组",
    description: "团队与部门。在某个群组中的角色适用于其所有下级群组；每个群组可以有自己的预算。",
    create: "创建群组",
    name: "名称",
    about: "说明",
    members: "成员数",
    permissions: "授予成员的权限",
    status: "状态",
    active: "使用中",
    archived: "已归档",
    changed: "更新时间",
    emptyTitle: "暂无群组",
    empty: "将共同工作、共用预算的人放入同一群组，例如一个团队。群组可以逐级嵌套，与组织架构保持一致。",
    createTitle: "创建群组",
    createHint: "您将成为该群组的所有者。",
    parent: "上级群组",
    noParent: "无",
  },
});
