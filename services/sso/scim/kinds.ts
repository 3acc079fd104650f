import { coreGroup, coreUser, droppedOfGroup, droppedOfUser, enterpriseUser } from "./attributes.ts";
import type { PatchedKind } from "./patch.ts";

/** What a PATCH of a person may name. */
export const userKind: PatchedKind = {
  schema: coreUser,
  kept: {
    ...{ userName: [], externalId: [], active: [], displayName: [], nickName: [], title: [], userType: [] },
    ...{ preferredLanguage: [], locale: [], timezone: [] },
    name: ["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"],
    emails: ["value", "type", "primary", "display"],
    [enterpriseUser]: ["employeeNumber", "costCenter", "organization", "division", "department", "manager"],
  },
  lists: ["emails"],
  dropped: droppedOfUser,
};

/** What a PATCH of a group may name. */
export const groupKind: PatchedKind = {
  schema: coreGroup,
  kept: { displayName: [], externalId: [], members: ["value", "display", "type", "$ref"] },
  lists: ["members"],
  dropped: droppedOfGroup,
};
