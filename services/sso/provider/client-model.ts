import { toolResource } from "@lyss/contracts/access/resources.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

/** `cli_…`; of one that says what it is at an address of its own, that address. */
export type ClientId = `cli_${string}` | `http${string}`;

/** Of a client whose facts are kept here and nowhere else. */
export function isClientId(text: string): text is ClientId {
  return /^cli_[0-9a-z]{26}$/.test(text);
}

/** What a program may be told of a person. */
export const scopesSupported = ["openid", "profile", "email", "groups", "offline_access"] as const;
/** The same, and what it may do in a person's name at a resource of ours. */
export const clientScopes = [...scopesSupported, toolResource.scope] as const;
export type ClientScope = (typeof clientScopes)[number];

/** A program that signs a tenant's people in with Lyss, without its secret. */
export interface Client {
  readonly clientId: ClientId;
  /** Empty for one that has registered itself: it is for people of every tenant. */
  readonly tenantId: string;
  readonly name: string;
  /** Whether it shows a secret; false for programs that could not keep one. */
  readonly isConfidential: boolean;
  /** Compared character by character, but for the port on the person's own machine of a native client. */
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly scopes: readonly ClientScope[];
  /** Where it is told that somebody's session is over; null when it is not told. */
  readonly backchannelLogoutUri: string | null;
  /** Whether it is told which session it was, and not only whose. */
  readonly backchannelLogoutSessionRequired: boolean;
  /** 1, and one more for each change. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Whether a client is a program on the person's own machine (RFC 8252): one without a secret that is sent back to there. */
export function isNative({ isConfidential, redirectUris }: Pick<Client, "isConfidential" | "redirectUris">): boolean {
  const isHere = (uri: string) => isPrivateReturn(uri) || uri.startsWith("http:");
  const isRefused = (uri: string) => uri.startsWith("https:") && loopbackHosts.has(new URL(uri).hostname);
  return !isConfidential && redirectUris.some(isHere) && !redirectUris.some(isRefused);
}

export const clientLimits = { clientsPerTenant: 50, uris: 20, uriLength: 500 } as const;

const loopbackHosts = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** Schemes that browsers and systems run, show or send by themselves: nobody's own. */
const takenSchemes = new Set([
  ...[
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "filesystem",
    "ftp",
    "intent",
    "javascript",
    "mailto",
    "resource",
    "search",
  ],
  ...["sms", "ssh", "tel", "urn", "vbscript", "view-source", "ws", "wss"],
]);

/** Whether it is of a scheme that a program on the person's machine has for itself, such as `com.example.app:/done` (RFC 8252, 7.1). */
export function isPrivateReturn(text: string): boolean {
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]{1,63}):\/[\x21-\x7e]+$/.exec(text) ?? [];
  return scheme !== "" && !/^https?$/.test(scheme) && !/^ms-/.test(scheme) && !takenSchemes.has(scheme);
}

/** Whether a browser may be sent there: https, http on the person's own machine, or a program's own scheme (RFC 8252, 7); nothing that hides. */
export function isSafeReturn(text: string): boolean {
  if (/[\\#*@]/.test(text) || !URL.canParse(text)) return false;
  if (isPrivateReturn(text)) return new URL(text).href === text;
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text)) return false;
  const url = new URL(text);
  // What is compared is what is called: no other way to write the same address.
  if (url.href !== text && url.href !== `${text}/`) return false;
  return url.protocol === "https:" || loopbackHosts.has(url.hostname);
}

const uris = z
  .array(
    z
      .string()
      .min(1)
      .max(clientLimits.uriLength)
      .refine(
        isSafeReturn,
        inBothLanguages(
          "must be an https URL, http on 127.0.0.1, [::1] or localhost, or of a program's own scheme, written in full, without fragment, user and wildcard",
          "必须是完整的 https URL、127.0.0.1、[::1]、localhost 上的 http，或程序自有的 scheme，不含片段、用户名和通配符",
        ),
      ),
  )
  .refine((items) => new Set(items).size === items.length, inBothLanguages("must not repeat one", "不得重复"));

/** Bounds of what callers may enter. */
export const clientFields = {
  name: z.string().trim().min(1).max(100),
  redirectUris: uris.min(1).max(clientLimits.uris),
  postLogoutRedirectUris: uris.max(clientLimits.uris),
  backchannelLogoutUri: z
    .url()
    .max(clientLimits.uriLength)
    .refine(
      (text) => /^https?:\/\/[^#]+$/.test(text),
      inBothLanguages("must be an https URL without fragment", "必须是不含片段的 https URL"),
    ),
  scopes: z
    .array(z.enum(clientScopes))
    .min(1)
    .max(clientScopes.length)
    .refine((items) => items.includes("openid"), inBothLanguages("must contain openid", "必须包含 openid"))
    .refine((items) => new Set(items).size === items.length, inBothLanguages("must not repeat one", "不得重复")),
};
