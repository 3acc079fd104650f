import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import type { Provider, ProviderSource } from "../model.ts";

/** Something that is called over HTTP and paid by the call, at an address that its owner names: a server of tools, or an agent. */
export interface Server {
  readonly serverId: string;
  /** Empty for those that every tenant may use. */
  readonly tenantId: string;
  readonly name: string;
  readonly url: string;
  readonly source: ProviderSource;
  /** Of what is sent with each request; empty where that is nothing. */
  readonly credentialId: string;
  readonly timeoutMs: number;
  readonly createdAt: Date;
}

const upstreams = new WeakMap<Server, Provider>();

/**
 * The server as those parts see it that hold secrets and connections, under the name that it has where money is. The same object for the same
 * server.
 */
export function toUpstream(server: Server, payee: string): Provider {
  let upstream = upstreams.get(server);
  if (!upstream) {
    const { serverId, tenantId, url, source, credentialId, createdAt } = server;
    upstream = {
      ...{ providerId: serverId, tenantId, name: payee, dialect: "openai", baseUrl: url, source },
      ...{ credentialId, models: [], onDisconnect: "cancel", serverTools: false, createdAt },
    };
    upstreams.set(server, upstream);
  }
  return upstream;
}

/** True where an empty list, the name itself or a beginning that ends in `*` lets it in. */
export function isAllowed(allowed: readonly string[], name: string): boolean {
  if (allowed.length === 0) return true;
  return allowed.some((entry) => (entry.endsWith("*") ? name.startsWith(entry.slice(0, -1)) : entry === name));
}

export const serverNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
    inBothLanguages(
      "must be 1 to 32 of a-z, 0-9 and '-', with a letter or digit at both ends",
      "必须是 1 到 32 个字符：a-z、0-9 和“-”，首尾须为字母或数字",
    ),
  );

export const usdPerCallSchema = z
  .string()
  .regex(
    /^\d{1,4}(\.\d{1,9})?$/,
    inBothLanguages(
      'must be a decimal string of US dollars per call, such as "0.002"',
      '必须是每次调用的美元价格（十进制数字符串），例如 "0.002"',
    ),
  );
