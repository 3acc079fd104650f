import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Fields } from "../dialects/request-fields.ts";
import { type ResponseObject, toCallId } from "../dialects/responses/response-object.ts";
import { openFollowing } from "../responses/follow-response.ts";
import type { Owner, ResponseName } from "../responses/response-store.ts";

type Deps = Pick<AiGatewayDeps, "responses">;

/** A response that somebody asks for. */
export interface ResponseOfCaller {
  readonly caller: Caller;
  readonly responseId: string;
}

/** Which part of a list of items is wanted. */
export interface ItemPage {
  readonly limit: number;
  readonly order: "asc" | "desc";
  /** The id of the item before it. */
  readonly after: string | undefined;
}

/** To whom a caller's responses belong: the person, or the key where it is nobody's. */
export function ownerOf({ tenantId, userId, keyId }: Caller): Owner {
  return { tenantId, ownerId: userId || keyId };
}

function nameOf({ caller, responseId }: ResponseOfCaller): ResponseName {
  return { ...ownerOf(caller), responseId };
}

/** One stored response. Throws `response_not_found`; so do the others below. */
export async function getResponse({ responses }: Deps, asked: ResponseOfCaller): Promise<ResponseObject> {
  return (await responses.get(nameOf(asked))).response;
}

/** The stream of one that was streamed in the background, from behind `startingAfter` on. Throws `response_not_streamed` too. */
export function followResponse(
  deps: Deps & Parameters<typeof openFollowing>[0],
  asked: ResponseOfCaller & { readonly startingAfter: number },
) {
  const { responseId, startingAfter: after } = asked;
  const headers = { "lyss-call-id": toCallId(responseId) };
  return openFollowing(deps, { name: nameOf(asked), after, keepAliveMs: deps.settings.keepAliveMs, headers });
}

/** Removes it; one that is under way is ended. */
export function removeResponse({ responses }: Deps, asked: ResponseOfCaller): Promise<void> {
  return responses.remove(nameOf(asked));
}

/** Ends one in the background. A repeat, and one that has ended, change nothing. Throws `response_not_background` too. */
export function cancelResponse({ responses }: Deps, asked: ResponseOfCaller): Promise<ResponseObject> {
  return responses.cancel(nameOf(asked));
}

/** The items of the request that it answers, newest first unless asked otherwise. Throws `invalid_request` for an unknown `after`. */
export async function listInputItems(
  { responses }: Deps,
  asked: ResponseOfCaller & ItemPage,
): Promise<{ readonly items: readonly Fields[]; readonly hasMore: boolean }> {
  const { input } = await responses.get(nameOf(asked));
  const all = asked.order === "desc" ? input.toReversed() : input;
  const at = asked.after === undefined ? 0 : all.findIndex(({ id }) => id === asked.after) + 1;
  if (asked.after !== undefined && at === 0)
    throw refuseField("after", "is no item of this response", "不是此响应的条目");
  return { items: all.slice(at, at + asked.limit), hasMore: all.length > at + asked.limit };
}
