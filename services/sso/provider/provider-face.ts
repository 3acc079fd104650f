import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import type Provider from "oidc-provider";
import type { ProviderRequest } from "./exchange.ts";

/** Lyss as OpenID provider, on this node. */
export interface OpenIdProvider {
  /** Throws `no_provider` while there is no client. */
  load(): Promise<Provider>;
  /** The library's answer. Throws what a part behind it failed with. */
  serve(request: ProviderRequest, locale: Locale, clientAddress: string): Promise<WholeAnswer>;
}
