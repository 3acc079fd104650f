import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { tenantPermissions } from "@lyss/contracts/access/permissions.ts";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { permissionAreas, permissionNames } from "../../../apps/console/app/permissions/words.ts";

const distinct = (names: readonly string[]) => [...new Set(names)].sort();
const areaOf = (permission: string) => permission.split(":")[0] ?? "";

const pages = new URL("../../../apps/console/pages/", import.meta.url);
/** What pages ask for: who lacks it is told its name. */
const asked = readdirSync(pages).flatMap((folder) => {
  const text = readFileSync(new URL(`${folder}/page.ts`, pages), "utf8");
  return /permission: "([^"]+)"/.exec(text)?.[1] ?? [];
});

test("every permission that an organisation gives or a page asks for has a name in both languages, and no others do", () => {
  assert.deepEqual(Object.keys(permissionNames).sort(), distinct([...Object.keys(tenantPermissions), ...asked]));
});

test("every area that permissions have has a name, and so has all of it", () => {
  const wholes = Object.values(permissionsByRole)
    .flat()
    .filter((one) => one.endsWith(":*"));
  assert.deepEqual(
    Object.keys(permissionAreas).sort(),
    distinct([...Object.keys(permissionNames), ...wholes].map(areaOf)),
  );
});

test("no two permissions have one name, and each is in words of its language", () => {
  for (const at of [0, 1] as const) {
    const names = Object.values(permissionNames).map((words) => words[at]);
    assert.deepEqual([...names].sort(), distinct(names));
  }
  for (const [name, words] of Object.entries({ ...permissionNames, ...permissionAreas })) {
    assert.match(words[0], /^[A-Z][A-Za-z()’ -]+$/, name);
    assert.match(words[1], /\p{Script=Han}/u, name);
  }
});
