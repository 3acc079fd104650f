export const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** Where changes of a SCIM resource may claim to be. */
export function junkPaths(id: string): readonly string[] {
  return [
    ...[
      "active",
      "userName",
      "emails",
      'emails[type eq "work"].value',
      "emails[",
      "emails[]",
      "name",
      "name.givenName",
    ],
    ...[
      "members",
      `members[value eq "${id}"]`,
      "displayName",
      "externalId",
      `${enterprise}:manager`,
      enterprise,
      "x".repeat(500),
    ],
    ...[
      "constructor",
      "__proto__",
      "meta.version",
      "id",
      "",
      "[",
      "a[b eq",
      'emails[not (type eq "x")]',
      "emails.value",
      "password",
    ],
    ...["emails[type eq 7]", "name[x pr]", "schemas", "ﬀ", "\u212a", "name..x", 'emails[type eq "\\ud800"]'],
  ];
}

/** What they may put there. */
export function junkValues(id: string, other: string): readonly unknown[] {
  return [
    ...[null, true, "", "x", "x".repeat(5_000), -1, 1e308, [], {}, [null], [[[]]], { value: id }, [{ value: id }]],
    ...[
      { active: "maybe" },
      { "emails.value": 1 },
      { "": 1 },
      [{ value: other }],
      { value: { value: 1 } },
      "\ud800",
      "a\u0000b",
    ],
    ...[
      { userName: "x" },
      { name: null },
      { name: [1] },
      { members: "x" },
      [{ value: "a", primary: "yes" }],
      { [enterprise]: 7 },
    ],
  ];
}
