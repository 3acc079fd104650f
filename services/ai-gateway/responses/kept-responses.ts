import { exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { backgroundFailures } from "@lyss/contracts/failures/ai-gateway-background.ts";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure, failureText } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import { refuseField } from "../call/refuse-field.ts";
import type { DataPolicies } from "../data-policies/data-policies.ts";
import { parseExact } from "../dialects/exact-json.ts";
import type { Fields } from "../dialects/request-fields.ts";
import type { ResponseObject } from "../dialects/responses/response-object.ts";
import type { EventTexts } from "./response-event.ts";
import type { ResponseEvents } from "./response-events.ts";
import type { Owner, ResponseName, ResponseRow, ResponseStore } from "./response-store.ts";

/** A response with the input that it answers. */
export interface KeptResponse {
  readonly response: ResponseObject;
  readonly input: readonly Fields[];
  readonly previousResponseId: string | undefined;
}

/** A response that begins in the background. */
export interface BegunResponse extends KeptResponse {
  /** The first events of one that is streamed. */
  readonly events?: EventTexts | undefined;
}

/** Responses that callers may ask for again, each its owner's only. */
export interface KeptResponses {
  /** Keeps one that is whole. False, and it is not kept, when it is too large or cannot be written now. */
  keep(owner: Owner, kept: KeptResponse): Promise<boolean>;
  /**
   * Keeps one that goes on in the background; `cancel` ends it, on whatever node that is asked for. Throws where it cannot be kept, and
   * `too_many_background_responses`.
   */
  begin(owner: Owner, begun: BegunResponse, cancel: () => void): Promise<void>;
  markInProgress(responseId: string): Promise<void>;
  /** Writes how one from `begin` ended; false when it was cancelled or taken for lost before. */
  end(owner: Owner, response: ResponseObject): Promise<boolean>;
  /** Throws `response_not_found` for one that is not there, has expired or is somebody else's. */
  get(name: ResponseName): Promise<KeptResponse>;
  /** The items of the responses up to this one, the oldest first. Throws `invalid_request` where one of them cannot be gone on from. */
  listItems(name: ResponseName): Promise<readonly Fields[]>;
  /** What a person has, the newest first, at most 32 MiB of it, as an export shows it. */
  listOf(tx: Tx, person: { readonly userId: string }): Promise<readonly object[]>;
  /** Removes what a person has; one that is under way ends unkept. A repeat is safe. */
  removeOf(tx: Tx, person: { readonly userId: string }): Promise<void>;
  /** Throws as `get` does. */
  remove(name: ResponseName): Promise<void>;
  /**
   * Ends one in the background; one that has ended stays as it is. Throws as `get` does, and `response_not_background`.
   */
  cancel(name: ResponseName): Promise<ResponseObject>;
  /** Whether this node serves it. */
  isHere(responseId: string): boolean;
  /** What is said in those that are streamed in the background. */
  readonly events: ResponseEvents;
  readonly jobs: readonly Job[];
}

/** How soon a place may be free again. */
const crowdedRetryMs = 10_000;
const dayMs = 86_400_000;
const sweepEveryMs = 600_000;
const sweepLimit = 1_000;
/** How soon a node hears that a response which it serves was cancelled on another. */
const cancelWithinMs = 1_000;
/** A node that says nothing for so many heart-beats is dead. */
const beatsToDeath = 4;
/** An export of a person shows so much of it. */
const maxShown = { maxRows: exportedRowsLimit, maxBytes: 33_554_432 };
/** A conversation of more is refused before it is put together. */
const maxChain = { maxRows: 1_000, maxBytes: 33_554_432 };

export function createKeptResponses(deps: {
  readonly store: ResponseStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** 32 bytes: what was said is sealed with it. */
  readonly key: Buffer;
  readonly heartbeatMs: number;
  readonly retentionDays: number;
  readonly dataPolicies: Pick<DataPolicies, "of">;
  /** Of a response and its input together. */
  readonly maxBytes: number;
  /** In the background, of one tenant. */
  readonly maxRunning: number;
  readonly events: ResponseEvents;
}): KeptResponses {
  const { store, clock, random, log, key, heartbeatMs, retentionDays, dataPolicies, maxBytes, maxRunning, events } =
    deps;
  /** What this node serves in the background, and how each is ended. */
  const underWay = new Map<string, () => void>();
  const now = () => new Date(clock.nowMs());
  const claimUntil = () => new Date(clock.nowMs() + beatsToDeath * heartbeatMs);

  const bindingOf = ({ tenantId }: Owner, responseId: string, part: string) =>
    JSON.stringify([tenantId, responseId, part]);

  function sealJson(owner: Owner, responseId: string, part: string, value: object): Buffer {
    return seal(random, key, Buffer.from(JSON.stringify(value)), bindingOf(owner, responseId, part));
  }

  function openJson(row: ResponseRow, part: "response" | "input"): unknown {
    const bytes = unseal(key, row[part], bindingOf(row, row.responseId, part));
    if (!bytes) throw new Error("a kept response does not open: the root key is another one, or the row was changed");
    return parseExact(bytes.toString("utf8"));
  }

  function toKept(row: ResponseRow): KeptResponse {
    const written = openJson(row, "response") as ResponseObject;
    const isLost = row.status === "failed" && written.status !== "failed";
    const error = isLost ? lostError : written.error;
    return {
      response: { ...written, status: row.status, error },
      input: openJson(row, "input") as readonly Fields[],
      previousResponseId: row.previousResponseId,
    };
  }

  /** Undefined when it is too large. */
  function toRow(owner: Owner, { response, input, previousResponseId }: KeptResponse) {
    const { id, status } = response;
    const sealed = {
      response: sealJson(owner, id, "response", response),
      input: sealJson(owner, id, "input", input),
    };
    if (sealed.response.length + sealed.input.length > maxBytes) return undefined;
    const days = Math.min(retentionDays, dataPolicies.of(owner.tenantId).retentionDays);
    const expiresAt = new Date(clock.nowMs() + days * dayMs);
    return { ...owner, ...sealed, responseId: id, status, previousResponseId, expiresAt };
  }

  async function get(name: ResponseName): Promise<KeptResponse & { readonly isBackground: boolean }> {
    const row = await store.find(name, now());
    if (!row) throw new Failure(aiGatewayFailures.response_not_found, { id: name.responseId });
    return { ...toKept(row), isBackground: row.isBackground };
  }

  /** Says that this node lives, and hears what was cancelled elsewhere. */
  async function extend(): Promise<void> {
    const ids = [...underWay.keys()];
    if (ids.length === 0) return;
    const stillUnderWay = await store.extend(ids, claimUntil());
    for (const id of ids) if (!stillUnderWay.has(id)) underWay.get(id)?.();
  }

  return {
    async keep(owner, kept) {
      const row = toRow(owner, kept);
      if (!row) return false;
      try {
        await store.insert({ ...row, isBackground: false, claimedUntil: undefined });
        return true;
      } catch (err) {
        log.warn({ err, response_id: row.responseId }, "a response cannot be kept; its caller is told so");
        return false;
      }
    },
    events,
    isHere: (responseId) => underWay.has(responseId),
    async begin(owner, begun, cancel) {
      const row = toRow(owner, begun);
      if (!row)
        throw refuseField(
          "input",
          `is larger than the ${maxBytes} bytes that can be kept`,
          `超过可保存的 ${maxBytes} 字节`,
        );
      const first = begun.events && events.toFirstBatch(owner, row.responseId, begun.events);
      const isRoom = await store.begin({ ...row, isBackground: true, claimedUntil: claimUntil() }, maxRunning, first);
      if (!isRoom) {
        const failure = backgroundFailures.too_many_background_responses;
        throw new Failure(failure, { limit: maxRunning }, { retryAfterMs: crowdedRetryMs });
      }
      underWay.set(row.responseId, cancel);
    },
    markInProgress: (responseId) => store.markInProgress(responseId),
    async end(owner, response) {
      const { id: responseId, status } = response;
      // What is heard from now on comes too late.
      underWay.delete(responseId);
      const sealed = sealJson(owner, responseId, "response", response);
      try {
        if (sealed.length <= maxBytes) return await store.end({ responseId, status, response: sealed });
        const failed = { ...response, status: "failed", output: [], error: tooLargeError } as const;
        const bytes = sealJson(owner, responseId, "response", failed);
        return await store.end({ responseId, status: "failed", response: bytes });
      } finally {
        events.wake(responseId);
      }
    },
    get,
    async listOf(tx, { userId }) {
      const rows = await store.listOf(tx, userId, maxShown);
      return rows.map((row) => {
        const { response, input } = toKept(row);
        return { response, input, expires_at: row.expiresAt };
      });
    },
    removeOf: (tx, { userId }) => store.deleteOf(tx, userId),
    async listItems(name) {
      // The id is the caller's word, and PostgreSQL takes no text with such a character.
      const rows = name.responseId.includes("\0") ? [] : await store.listChain(name, now(), maxChain);
      const [oldest] = rows;
      if (!oldest) throw notKept();
      if (rows.some(({ status }) => status !== "completed" && status !== "incomplete")) {
        throw cannotGoOn("has not ended with an answer", "尚未以回答结束");
      }
      if (oldest.previousResponseId) {
        const bytes = rows.reduce((sum, { response, input }) => sum + response.length + input.length, 0);
        const isLong = rows.length >= maxChain.maxRows || bytes > maxChain.maxBytes;
        throw isLong
          ? cannotGoOn("is the end of a conversation that is too long", "所在的对话过长")
          : cannotGoOn("goes on from a response that is no longer kept", "所接续的响应已不再保存");
      }
      return rows.map(toKept).flatMap(({ input, response }) => [...input, ...(response.output as readonly Fields[])]);
    },
    async remove(name) {
      if (!(await store.remove(name, now()))) {
        throw new Failure(aiGatewayFailures.response_not_found, { id: name.responseId });
      }
      underWay.get(name.responseId)?.();
      events.wake(name.responseId);
    },
    async cancel(name) {
      await store.cancel(name);
      const { response, isBackground } = await get(name);
      if (!isBackground) throw new Failure(aiGatewayFailures.response_not_background, { id: name.responseId });
      if (response.status === "cancelled") underWay.get(name.responseId)?.();
      events.wake(name.responseId);
      return response;
    },
    jobs: [
      { name: "extend-background-responses", everyMs: Math.min(heartbeatMs, cancelWithinMs), run: extend },
      {
        name: "fail-lost-responses",
        everyMs: heartbeatMs,
        async run() {
          // A node that was held up must not take itself for dead.
          await extend();
          await store.failLost(now());
        },
      },
      {
        name: "forget-responses",
        everyMs: sweepEveryMs,
        async run(signal) {
          while (!signal.aborted && (await store.deleteExpired(now(), sweepLimit)) === sweepLimit);
        },
      },
    ],
  };
}

function cannotGoOn(reason: string, reason_zh_CN: string): Failure {
  return refuseField("previous_response_id", reason, reason_zh_CN);
}

/** By this code OpenAI's clients know that they are to say everything again. */
function notKept(): Failure {
  const { details } = cannotGoOn("is not kept, or no longer", "未保存或已不再保存");
  return new Failure(aiGatewayFailures.invalid_request, { ...details, code: "previous_response_not_found" });
}

function toError(type: (typeof aiGatewayFailures)["response_lost"]) {
  return { code: type.publicCode, message: failureText(type, {}, "en_US") };
}

const lostError = toError(aiGatewayFailures.response_lost);
const tooLargeError = toError(aiGatewayFailures.response_too_large);
