import { type Words, wordsOf } from "../audit/acts.ts";
import { useLanguage } from "../language.ts";
import { permissionAreas, permissionNames } from "./words.ts";

const everything: Words = ["Everything", "全部权限"];
const wholeArea: Words = [": everything", "：全部权限"];

/** What a permission is called: one of its own, all of an area (`user:*`), or all that there are (`*`). One that is not known keeps its name. */
export function permissionName(permission: string, language: string): string {
  const at = language === "zh-CN" ? 1 : 0;
  if (permission === "*") return everything[at];
  const [area = "", act] = permission.split(":");
  if (act === "*" && Object.hasOwn(permissionAreas, area))
    return wordsOf(permissionAreas, area, language) + wholeArea[at];
  return wordsOf(permissionNames, permission, language);
}

export function usePermissionName(): (permission: string) => string {
  const language = useLanguage();
  return (permission) => permissionName(permission, language);
}

/** Several, as a list that is read: "View people, Edit people". */
export function usePermissionNames(): (permissions: readonly string[]) => string {
  const language = useLanguage();
  return (permissions) =>
    permissions.map((one) => permissionName(one, language)).join(language === "zh-CN" ? "、" : ", ");
}
