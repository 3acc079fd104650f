import type { Sql } from "../db/database.ts";
import { findEnd, type LoggedEvent } from "./event-reader.ts";
import type { Operation, OperationScope, OperationState } from "./operation.ts";
import { operationColumns } from "./operation-store.ts";

/** Which events of the log are wanted; what is left out does not restrict. */
export interface LogFilter {
  readonly types?: readonly string[] | undefined;
  readonly source?: string | undefined;
  readonly key?: string | undefined;
  readonly keys?: readonly string[] | undefined;
  readonly stream?: string | undefined;
  /** W3C trace id, 32 hex digits. */
  readonly traceId?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly beforeMs?: number | undefined;
  /** Only events whose payload says that they are this tenant's, in its field `tenantId`. */
  readonly tenantId?: string | undefined;
}

/** A page of the log: newest first, those before a number; or oldest first, those after it. */
export interface LogPage {
  readonly order: "newest" | "oldest";
  readonly fromSeq?: bigint | undefined;
  readonly limit: number;
}

/** A kind of event that the log holds. */
export interface LoggedType {
  readonly type: string;
  readonly firstSeq: bigint;
  readonly firstTime: Date;
  readonly lastSeq: bigint;
  readonly lastTime: Date;
}

/** A durable subscription of any service. */
export interface SubscriptionView {
  readonly service: string;
  readonly name: string;
  readonly types: readonly string[];
  readonly isReplayable: boolean;
  /** Number of the last event that it is done with. */
  readonly position: bigint;
  /** Failed attempts at the next event. */
  readonly attempts: number;
  readonly lastError: string;
  /** When a node that has it was last heard of; up to a minute old. */
  readonly seenAt: Date;
  /** Committed events that wait for it; counted up to 100,000. */
  readonly behind: number;
  /** Time of the oldest of them. */
  readonly oldest: Date | null;
  readonly parked: number;
}

/** An event that a subscription gave up, as operators see it. */
export interface ParkedView extends LoggedEvent {
  readonly attempts: number;
  readonly lastError: string;
  readonly parkedAt: Date;
}

/** How a subscription stands to one event of a type that it hears. */
export interface ReceiverView {
  readonly service: string;
  readonly subscription: string;
  /** True when it is done with the event, or gave it up. */
  readonly isPassed: boolean;
  readonly parkedAt: Date | null;
  readonly attempts: number | null;
  readonly lastError: string | null;
}

/** Who asks for something to be done, when, and the id under which it is recorded. */
export interface Asked {
  readonly id: string;
  readonly service: string;
  readonly subscription: string;
  readonly scope: OperationScope;
  readonly askedBy: string;
  readonly askedAt: Date;
}

export type EventDesk = ReturnType<typeof createEventDesk>;

const countLimit = 1_000_000;

/**
 * The event log as operators see and steer it, over all services. For the role to which the functions of
 * `0007_event_desk.sql` are granted. Names of services are their own, not those of their roles.
 */
export function createEventDesk(sql: Sql) {
  const roleOf = (service: string | undefined) =>
    service === undefined ? null : `lyss_${service.replaceAll("-", "_")}`;
  const listOf = (values: readonly string[] | undefined) => (values as string[] | undefined) ?? null;
  const subscriptionColumns = sql`
    replace(substr(service, 6), '_', '-') as service, name, types, is_replayable as "isReplayable", position, attempts,
    last_error as "lastError", seen_at as "seenAt", behind, oldest, parked::int`;
  const eventColumns = sql`seq, id, type, source, key, time, data, traceparent, stream, revision, operator`;

  const restrict = (filter: LogFilter) => sql`
    ${filter.types ? sql`and type = any(${filter.types as string[]})` : sql``}
    ${filter.source === undefined ? sql`` : sql`and source = ${filter.source}`}
    ${filter.keys ? sql`and key = any(${filter.keys as string[]})` : sql``}
    ${filter.key === undefined ? sql`` : sql`and key = ${filter.key}`}
    ${filter.stream === undefined ? sql`` : sql`and stream = ${filter.stream}`}
    ${filter.traceId === undefined ? sql`` : sql`and traceparent <> '' and substr(traceparent, 4, 32) = ${filter.traceId}`}
    ${filter.tenantId === undefined ? sql`` : sql`and data ->> 'tenantId' = ${filter.tenantId}`}
    ${filter.fromMs === undefined ? sql`` : sql`and time >= ${new Date(filter.fromMs)}`}
    ${filter.beforeMs === undefined ? sql`` : sql`and time < ${new Date(filter.beforeMs)}`}`;

  return {
    /** Settled events only: what a page in the order of the log has passed, nothing is ever added to. */
    async listEvents(filter: LogFilter, { order, fromSeq, limit }: LogPage): Promise<readonly LoggedEvent[]> {
      const endSeq = await findEnd(sql, filter.types ?? null);
      if (order === "oldest") {
        return sql<LoggedEvent[]>`
          select ${eventColumns} from event_log.event
          where seq > ${fromSeq ?? 0n} and seq <= ${endSeq} ${restrict(filter)} order by seq limit ${limit}`;
      }
      const before = fromSeq !== undefined && fromSeq <= endSeq ? fromSeq : endSeq + 1n;
      return sql<LoggedEvent[]>`
        select ${eventColumns} from event_log.event
        where seq < ${before} ${restrict(filter)} order by seq desc limit ${limit}`;
    },

    async findEvent(id: string): Promise<LoggedEvent | undefined> {
      const [row] = await sql<LoggedEvent[]>`select ${eventColumns} from event_log.event where id = ${id}`;
      return row;
    },

    /** Found by skipping from type to type, without looking at each event. */
    async listTypes(): Promise<readonly LoggedType[]> {
      return sql<LoggedType[]>`
        with recursive found as (
          (select type from event_log.event order by type limit 1)
          union all
          select (select event.type from event_log.event where event.type > found.type order by event.type limit 1)
          from found where found.type is not null
        )
        select found.type, first.seq as "firstSeq", first.time as "firstTime", last.seq as "lastSeq",
          last.time as "lastTime"
        from found,
          lateral (select seq, time from event_log.event where type = found.type order by seq limit 1) as first,
          lateral (select seq, time from event_log.event where type = found.type order by seq desc limit 1) as last
        order by found.type`;
    },

    /** Number after which an event of these types that is committed from now on lies. */
    findEnd: (types: readonly string[]): Promise<bigint> => findEnd(sql, types),

    /** Events in a range of the log; counted up to 1,000,000. */
    async countEvents(filter: LogFilter, afterSeq: bigint, untilSeq: bigint): Promise<bigint> {
      const [row] = await sql<{ count: bigint }[]>`
        select count(*) from (
          select from event_log.event where seq > ${afterSeq} and seq <= ${untilSeq} ${restrict(filter)}
          limit ${countLimit}
        ) as counted`;
      return row?.count ?? 0n;
    },

    async listReceivers({ seq, type }: Pick<LoggedEvent, "seq" | "type">): Promise<readonly ReceiverView[]> {
      return sql<ReceiverView[]>`
        select replace(substr(service, 6), '_', '-') as service, subscription, is_passed as "isPassed",
          parked_at as "parkedAt", attempts, last_error as "lastError"
        from event_log.desk_receivers(${seq}, ${type})`;
    },

    async listSubscriptions(service: string | undefined): Promise<readonly SubscriptionView[]> {
      return sql<SubscriptionView[]>`
        select ${subscriptionColumns} from event_log.desk_subscriptions(${roleOf(service)}, null)`;
    },

    async findSubscription(service: string, name: string): Promise<SubscriptionView | undefined> {
      const [row] = await sql<SubscriptionView[]>`
        select ${subscriptionColumns} from event_log.desk_subscriptions(${roleOf(service)}, ${name})`;
      return row;
    },

    /** In the order of the log. */
    async listParked(
      { service, subscription, scope }: Pick<Asked, "service" | "subscription" | "scope">,
      { afterSeq, limit }: { readonly afterSeq: bigint; readonly limit: number },
    ): Promise<readonly ParkedView[]> {
      return sql<ParkedView[]>`
        select event.*, attempts, last_error as "lastError", parked_at as "parkedAt"
        from event_log.desk_parked(${roleOf(service)}, ${subscription}, ${listOf(scope.eventIds)},
          ${listOf(scope.types)}, ${listOf(scope.keys)}, ${afterSeq}, ${limit}) as parked
        join event_log.event as event on event.seq = parked.seq order by event.seq`;
    },

    /** How many parked events are meant, and the number of the last of them; counted up to 1,000,000. */
    async measureParked({
      service,
      subscription,
      scope,
    }: Pick<Asked, "service" | "subscription" | "scope">): Promise<{ count: bigint; lastSeq: bigint }> {
      const [row] = await sql<{ count: bigint; lastSeq: bigint }[]>`
        select count(*), coalesce(max(seq), 0) as "lastSeq"
        from event_log.desk_parked(${roleOf(service)}, ${subscription}, ${listOf(scope.eventIds)},
          ${listOf(scope.types)}, ${listOf(scope.keys)}, 0, ${countLimit})`;
      return row ?? { count: 0n, lastSeq: 0n };
    },

    /** Undefined when the subscription is not there or has `maxOpen` operations that have not ended. */
    async askOperation(
      kind: "redrive" | "replay",
      asked: Asked,
      range: { readonly afterSeq: bigint; readonly untilSeq: bigint; readonly total: bigint; readonly maxOpen: number },
    ): Promise<Operation | undefined> {
      const { id, service, subscription, scope, askedBy, askedAt } = asked;
      const [row] = await sql<Operation[]>`
        select ${operationColumns(sql)} from event_log.ask_operation(${id}, ${kind}, ${roleOf(service)},
          ${subscription}, ${sql.json({ ...scope })}, ${askedBy}, ${askedAt}, ${range.afterSeq}, ${range.untilSeq},
          ${range.total}, ${range.maxOpen})`;
      return row;
    },

    /** The newest first, those before an id. */
    async listOperations(filter: {
      readonly service?: string | undefined;
      readonly subscription?: string | undefined;
      readonly state?: OperationState | undefined;
      readonly beforeId?: string | undefined;
      readonly limit: number;
    }): Promise<readonly Operation[]> {
      return sql<Operation[]>`
        select ${operationColumns(sql)} from event_log.desk_operations(null, ${roleOf(filter.service)},
          ${filter.subscription ?? null}, ${filter.state ?? null}, ${filter.beforeId ?? null}, ${filter.limit})`;
    },

    async findOperation(id: string): Promise<Operation | undefined> {
      const [row] = await sql<Operation[]>`
        select ${operationColumns(sql)} from event_log.desk_operations(${id}, null, null, null, null, 1)`;
      return row;
    },

    /** Undefined when it is not there, or stands so that this is not possible. A repeat changes nothing. */
    async steerOperation(id: string, to: "paused" | "pending" | "canceled", at: Date): Promise<Operation | undefined> {
      const [row] = await sql<Operation[]>`
        select ${operationColumns(sql)} from event_log.steer_operation(${id}, ${to}, ${at})`;
      return row;
    },

    /** Gives parked events up for good, at most `limit`; they stay in the log. */
    async skipParked(asked: Asked, limit: number): Promise<Operation | undefined> {
      const { id, service, subscription, scope, askedBy, askedAt } = asked;
      const [row] = await sql<Operation[]>`
        select ${operationColumns(sql)} from event_log.skip_parked(${id}, ${roleOf(service)}, ${subscription},
          ${sql.json({ ...scope })}, ${listOf(scope.eventIds)}, ${listOf(scope.types)}, ${listOf(scope.keys)}, ${limit},
          ${askedBy}, ${askedAt})`;
      return row;
    },

    /** Forgets a subscription with its parked events. Undefined when a node has had it of late, or it is not there. */
    async forgetDead(asked: Omit<Asked, "scope">, unseenMs: number): Promise<Operation | undefined> {
      const { id, service, subscription, askedBy, askedAt } = asked;
      const [row] = await sql<Operation[]>`
        select ${operationColumns(sql)} from event_log.forget_dead(${id}, ${roleOf(service)}, ${subscription},
          ${unseenMs}::int * interval '1 millisecond', ${askedBy}, ${askedAt})`;
      return row;
    },
  };
}
