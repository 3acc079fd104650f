import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Budget } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import { routesFor } from "@lyss/kit/http/route.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import { z } from "zod";
import { maxAvatarBytes, maxAvatarSide } from "./avatar-image.ts";
import { formatAmount, namesOf, resetAtOf } from "./budget-names.ts";
import type { UserOps } from "./ops.ts";
import { referenceOf } from "./people-routes.ts";
import { type Profile, profileFields } from "./profile.ts";
import { requireSelf } from "./require-self.ts";

const { json } = routesFor<UserOps>();

const params = z.strictObject({ id: z.string().max(64).describe("'me' is the one who asks.") });
const imageTypes = ["image/png", "image/jpeg", "image/webp"] as const;
const avatar = z.strictObject({
  content_type: z.enum(imageTypes),
  width: z.int(),
  height: z.int(),
  url: z.string().describe("Where the picture is: another picture has another address."),
});
const profileBody = z.strictObject({
  object: z.literal("user.profile"),
  id: z.string(),
  name: z.string(),
  locale: profileFields.locale.describe("The language of mails."),
  time_zone: z.string().describe("IANA name: times in mails are told in it."),
  avatar: avatar.nullable(),
  version: z.int().describe("That of the person; the ETag."),
});
const settingsBody = z.strictObject({
  object: z.literal("user.settings"),
  id: z.string(),
  theme: profileFields.theme,
  notifications: z.strictObject({
    budget_alerts: z
      .boolean()
      .describe("Whether a mail tells that a day's, a month's or a total budget of one's own reaches a mark."),
  }),
  version: z.int().describe("That of the person; the ETag."),
});
/** Green, one pixel. */
const examplePicture =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const versionOf = ({ version }: { readonly version: number }) => version;
const changing = [userFailures.not_found, userFailures.version_mismatch, userFailures.role_above_own];

const amount = z.string().describe("Decimal string: units of the currency, tokens or calls.");
const quotaBody = z.strictObject({
  object: z.literal("user.quota"),
  id: z.string(),
  limits: z
    .array(
      z.strictObject({
        unit: z.enum(["money", "tokens", "calls"]),
        period: z.enum(["minute", "hour", "day", "month", "total"]),
        ...{ limit: amount, used: amount, remaining: amount },
        reserved: amount.describe("Set aside by calls in flight."),
        reset_at: z.iso.datetime().nullable().describe("When nothing is used again; null for a total."),
      }),
    )
    .describe("None for a person without limits of their own."),
});

const profileRoutes = [
  json({
    method: "GET",
    path: "/api/v1/users/{id}/profile",
    permission: "user:read",
    operation: "getProfile",
    summary: "How a person of the tenant is called and written to.",
    params,
    response: profileBody,
    versionOf,
    failures: [userFailures.not_found],
    handle: async (ops, request) => toProfileBody(await ops.getProfile(referenceOf(request))),
  }),
  json({
    method: "PATCH",
    path: "/api/v1/users/{id}/profile",
    permission: "user:read",
    operation: "updateProfile",
    impersonation: "allowed",
    summary: "Changes what is given: one's own profile, with user:update that of others.",
    params,
    body: z.strictObject({
      name: profileFields.name.optional(),
      locale: profileFields.locale.optional(),
      time_zone: profileFields.timeZone.optional(),
    }),
    response: profileBody,
    versionOf,
    failures: changing,
    async handle(ops, request) {
      const { expectedVersion, clientAddress } = request;
      const { time_zone: timeZone, ...rest } = request.body;
      const change = { ...rest, timeZone };
      return toProfileBody(
        await ops.updateProfile({ ...referenceOf(request), change, expectedVersion, clientAddress }),
      );
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/users/{id}/settings",
    permission: "user:read",
    operation: "getUserSettings",
    summary: "One's own settings.",
    params,
    response: settingsBody,
    versionOf,
    failures: [userFailures.not_found],
    async handle(ops, request) {
      const { userId, tenantId } = requireSelf(request);
      return toSettingsBody(await ops.getProfile({ userId, tenantId }));
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/users/{id}/settings",
    permission: "user:read",
    operation: "updateUserSettings",
    impersonation: "allowed",
    summary: "Changes what is given of one's own settings.",
    params,
    body: z.strictObject({
      theme: profileFields.theme.optional(),
      notifications: z.strictObject({ budget_alerts: z.boolean().optional() }).optional(),
    }),
    response: settingsBody,
    versionOf,
    failures: [userFailures.not_found, userFailures.version_mismatch],
    async handle(ops, request) {
      const { userId } = requireSelf(request);
      const { theme, notifications } = request.body;
      const change = { theme, mailsBudgetAlerts: notifications?.budget_alerts };
      const { expectedVersion, clientAddress } = request;
      const reference = { ...referenceOf(request), userId };
      return toSettingsBody(await ops.updateProfile({ ...reference, change, expectedVersion, clientAddress }));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/users/{id}/quota",
    permission: "billing:read",
    operation: "getQuota",
    summary: "What a person may use, and what of it is left: one's own, with billing:budget everybody's in the tenant.",
    params,
    response: quotaBody,
    failures: [userFailures.not_found],
    async handle(ops, request) {
      const reference = referenceOf(request);
      const budgets = await ops.getQuota(reference);
      return { object: "user.quota" as const, id: reference.userId, limits: budgets.map(toLimitBody) };
    },
  }),
];

const avatarRoutes = [
  json({
    method: "GET",
    path: "/api/v1/users/{id}/avatar",
    permission: "user:read",
    operation: "getAvatar",
    summary: "The picture of a person of the tenant.",
    params,
    query: z.strictObject({
      hash: z.string().max(64).optional().describe("With that of the picture, it may be kept for a year."),
    }),
    response: z.strictObject({}),
    files: imageTypes,
    reads: ["if-none-match"],
    failures: [userFailures.avatar_not_found],
    async handle(ops, request) {
      const { hash, contentType, bytes } = await ops.getAvatar(referenceOf(request));
      const etag = `"${hash}"`;
      const kept = request.query.hash === hash ? "max-age=31536000, immutable" : "no-cache";
      const headers = {
        etag,
        "cache-control": `private, ${kept}`,
        "content-security-policy": "default-src 'none'; sandbox",
      };
      const known = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
      if (known.includes(etag) || known.includes("*")) return new WholeAnswer(304, headers);
      return new WholeAnswer(200, { ...headers, "content-type": contentType }, bytes);
    },
  }),
  json({
    method: "PUT",
    path: "/api/v1/users/{id}/avatar",
    permission: "user:read",
    operation: "setAvatar",
    impersonation: "allowed",
    summary: "Gives a picture to oneself, with user:update to others.",
    params,
    body: z.strictObject({
      image: z
        .base64()
        .max(Math.ceil(maxAvatarBytes / 3) * 4)
        .describe(
          `A PNG, JPEG or WebP of at most ${maxAvatarBytes / 1_024} KiB and ${maxAvatarSide} by ${maxAvatarSide} pixels, in base64.`,
        )
        .meta({ examples: [examplePicture] }),
    }),
    response: profileBody,
    versionOf,
    failures: changing,
    async handle(ops, request) {
      const { expectedVersion } = request;
      const image = Buffer.from(request.body.image, "base64");
      return toProfileBody(await ops.setAvatar({ ...referenceOf(request), image, expectedVersion }));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/users/{id}/avatar",
    permission: "user:read",
    operation: "removeAvatar",
    impersonation: "allowed",
    summary: "Takes the picture away from oneself, with user:update from others.",
    params,
    response: profileBody,
    versionOf,
    failures: changing,
    async handle(ops, request) {
      const { expectedVersion } = request;
      return toProfileBody(await ops.removeAvatar({ ...referenceOf(request), expectedVersion }));
    },
  }),
];

/** What people are like, and how they like Lyss to be. */
export const aboutPeopleRoutes = [...profileRoutes, ...avatarRoutes];

function toProfileBody({
  userId,
  name,
  locale,
  timeZone,
  avatar: picture,
  version,
}: Profile): z.input<typeof profileBody> {
  const url = `/api/v1/users/${userId}/avatar?hash=${picture?.hash}`;
  const { contentType, width, height } = picture ?? {};
  return {
    ...{ object: "user.profile", id: userId, name, locale, time_zone: timeZone, version },
    avatar: contentType && width && height ? { content_type: contentType, width, height, url } : null,
  };
}

function toSettingsBody({ userId, theme, mailsBudgetAlerts, version }: Profile): z.input<typeof settingsBody> {
  return { object: "user.settings", id: userId, theme, notifications: { budget_alerts: mailsBudgetAlerts }, version };
}

function toLimitBody(budget: Budget) {
  const { limit, used, reserved } = budget;
  const left = limit - used - reserved;
  const format = (count: bigint) => formatAmount(budget, count);
  return {
    ...{ ...namesOf(budget), limit: format(limit), used: format(used), reserved: format(reserved) },
    ...{ remaining: format(left > 0n ? left : 0n), reset_at: resetAtOf(budget)?.toISOString() ?? null },
  };
}
