import type { Locale } from "@lyss/kit/errors/failure.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { manageGroupsPermission, permissionsByGroupRole } from "./group-roles.ts";

/** Where a permission holds: in a tenant, in one group of it, on what is one's own, or on the installation itself. */
export interface AccessScope {
  readonly kind: "platform" | "tenant" | "group" | "own";
  /** Of the group; empty elsewhere. */
  readonly id: string;
}

/** Something that somebody holds, and through what. */
export interface Grant {
  /** `resource:action`, where `*` stands for any. */
  readonly permission: string;
  readonly scope: AccessScope;
  readonly source: {
    readonly kind: "role" | "group_permission" | "group_role" | "self";
    /** The role's name; for `group_permission` the group's id. */
    readonly name: string;
  };
}

export interface Decision {
  readonly isAllowed: boolean;
  /** What decided; absent for a refusal. */
  readonly grant?: Grant;
  /** Why, for people. */
  readonly explanation: Readonly<Record<Locale, string>>;
}

export interface WantedAccess {
  /** `resource:action`, without `*`. */
  readonly permission: string;
  readonly scope: AccessScope;
}

/**
 * Whether what is held covers what is wanted, and why: the first grant that covers it decides; without one it is refused. Pure.
 * A permission in a tenant covers its groups and what is one's own; one in a group covers that group; `platform:` covers nothing
 * else and is covered by nothing else. What is done in a group takes a role in it, or `group:manage` in the tenant: other permissions
 * of groups only let somebody try.
 */
export function decide(grants: readonly Grant[], { permission, scope }: WantedAccess): Decision {
  const grant = grants.find((held) => covers(held, { permission, scope }));
  if (!grant) return { isAllowed: false, explanation: explainRefusal(grants, { permission, scope }) };
  const { kind, name } = grant.source;
  const by = sources[kind](name);
  const explanation = {
    en_US: `'${permission}' is allowed: ${by.en_US} gives '${grant.permission}'.`,
    zh_CN: `允许“${permission}”：${by.zh_CN}包含“${grant.permission}”。`,
  };
  return { isAllowed: true, grant, explanation };
}

const permissionsInGroups: readonly string[] = permissionsByGroupRole.owner;

function covers({ permission, scope }: Grant, wanted: WantedAccess): boolean {
  const isInGroup = wanted.scope.kind === "group" && permissionsInGroups.includes(wanted.permission);
  if (isInGroup && scope.kind === "tenant") return permits([permission], manageGroupsPermission);
  return reaches(scope, wanted.scope) && permits([permission], wanted.permission);
}

function reaches(held: AccessScope, wanted: AccessScope): boolean {
  if (held.kind === "platform" || wanted.kind === "platform") return held.kind === wanted.kind;
  if (held.kind === "tenant") return true;
  return held.kind === wanted.kind && held.id === wanted.id;
}

const sources: Readonly<Record<Grant["source"]["kind"], (name: string) => Readonly<Record<Locale, string>>>> = {
  role: (name) => ({ en_US: `the role ${name}`, zh_CN: `角色 ${name} ` }),
  group_permission: (name) => ({ en_US: `membership of the group ${name}`, zh_CN: `群组 ${name} 的成员身份` }),
  group_role: (name) => ({ en_US: `the role ${name} in the group`, zh_CN: `群组内的角色 ${name} ` }),
  self: () => ({ en_US: "being the person oneself", zh_CN: "本人身份" }),
};

/** Tells one who holds it elsewhere where that is. */
function explainRefusal(grants: readonly Grant[], { permission, scope }: WantedAccess): Decision["explanation"] {
  const elsewhere = grants.find((held) => permits([held.permission], permission));
  if (!elsewhere) {
    return {
      en_US: `'${permission}' is refused: neither the role nor any group gives it.`,
      zh_CN: `拒绝“${permission}”：角色和所属群组均未授予该权限。`,
    };
  }
  return {
    en_US: `'${permission}' is refused: it is held ${places[elsewhere.scope.kind].en_US}, not ${places[scope.kind].en_US}.`,
    zh_CN: `拒绝“${permission}”：该权限仅${places[elsewhere.scope.kind].zh_CN}有效，${places[scope.kind].zh_CN}无效。`,
  };
}

const places: Readonly<Record<AccessScope["kind"], Readonly<Record<Locale, string>>>> = {
  platform: { en_US: "on the platform", zh_CN: "在平台范围" },
  tenant: { en_US: "in the tenant", zh_CN: "在租户范围" },
  group: { en_US: "in this group", zh_CN: "在该群组内" },
  own: { en_US: "on what is one's own", zh_CN: "对本人的内容" },
};
