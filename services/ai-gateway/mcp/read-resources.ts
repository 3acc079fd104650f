import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { isPlain, toText } from "../servers/plain-text.ts";
import { maxDescriptionLength, maxTitleLength } from "./read-listing.ts";

interface Described {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly mimeType: string | undefined;
  readonly annotations: RpcParams | undefined;
}

/** A resource as its server describes it, within our bounds. */
export interface Resource extends Described {
  /** As the server has it. */
  readonly uri: string;
  /** Bytes. */
  readonly size: number | undefined;
}

/** A family of resources (RFC 6570). */
export interface ResourceTemplate extends Described {
  /** As the server has it. */
  readonly uriTemplate: string;
}

export const maxUriLength = 2_048;
const maxNameLength = 200;

export function isUri(value: unknown): value is string {
  return isPlain(value, maxUriLength) && /^[A-Za-z][A-Za-z0-9+.-]*:./.test(value);
}

/** Undefined for one whose URI or name is not taken. */
export function readResource(entry: RpcParams): Resource | undefined {
  const { uri, size } = entry;
  const described = readDescribed(entry);
  if (!described || !isUri(uri)) return undefined;
  return { uri, ...described, size: Number.isSafeInteger(size) ? Number(size) : undefined };
}

/** Undefined for one whose template or name is not taken: it has to begin with the scheme of its URIs. */
export function readResourceTemplate(entry: RpcParams): ResourceTemplate | undefined {
  const { uriTemplate } = entry;
  const described = readDescribed(entry);
  return described && isUri(uriTemplate) ? { uriTemplate, ...described } : undefined;
}

function readDescribed({ name, title, description, mimeType, annotations }: RpcParams): Described | undefined {
  if (!isPlain(name, maxNameLength)) return undefined;
  return {
    name,
    title: toText(title, maxTitleLength),
    description: toText(description, maxDescriptionLength),
    mimeType: isPlain(mimeType, maxNameLength) ? mimeType : undefined,
    annotations: readAnnotations(annotations),
  };
}

/** Those that the protocol has. */
function readAnnotations(value: unknown): RpcParams | undefined {
  if (!isObject(value)) return undefined;
  const { audience, priority, lastModified } = value;
  const roles = Array.isArray(audience) ? audience.filter((role) => role === "user" || role === "assistant") : [];
  return {
    ...(roles.length > 0 && { audience: roles }),
    ...(typeof priority === "number" && { priority }),
    ...(isPlain(lastModified, 64) && { lastModified }),
  };
}
