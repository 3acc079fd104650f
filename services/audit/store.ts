import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Chain, EntryFilter, ListedEntry, ProvenEntry } from "./model.ts";

/** The SQL of audit logs. One method, one statement. */
export function createAuditStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    entry_id as "entryId", chain, sequence::float8 as sequence, event_id as "eventId", act, actor_id as "actorId",
    operator_id as "operatorId", subject_kind as "subjectKind", subject_id as "subjectId",
    client_address as "clientAddress", happened_at as "happenedAt", recorded_at as "recordedAt", details, digest`;
  const proof = (db: Sql | Tx) => db`
    address_salt as "addressSalt", address_digest as "addressDigest", previous_digest as "previousDigest", seal`;
  const chainColumns = (db: Sql | Tx) => db`
    chain, sequence::float8 as sequence, digest, base_sequence::float8 as "baseSequence", base_digest as "baseDigest",
    seal, anchored_sequence::float8 as "anchoredSequence"`;
  const matches = (
    db: Sql | Tx,
    { chain, acts, actorId, subjectId, clientAddress, fromMs, beforeMs, text }: EntryFilter,
  ) => {
    const exact = acts?.filter((act) => !act.endsWith("*")) ?? [];
    const prefixes = acts?.filter((act) => act.endsWith("*")).map((act) => act.slice(0, -1)) ?? [];
    return db`
      true
      ${chain === undefined ? db`` : db`and chain = ${chain}`}
      ${
        acts === undefined
          ? db``
          : db`and (act = any(${exact}::text[]) or exists (
              select from unnest(${prefixes}::text[]) as prefix where starts_with(act, prefix)))`
      }
      ${actorId === undefined ? db`` : db`and actor_id = ${actorId}`}
      ${subjectId === undefined ? db`` : db`and subject_id = ${subjectId}`}
      ${clientAddress === undefined ? db`` : db`and client_address = ${clientAddress}`}
      ${fromMs === undefined ? db`` : db`and happened_at >= ${new Date(fromMs)}`}
      ${beforeMs === undefined ? db`` : db`and happened_at < ${new Date(beforeMs)}`}
      ${
        text === undefined
          ? db``
          : db`and position(lower(${text}) in lower(
              act || ' ' || actor_id || ' ' || operator_id || ' ' || subject_id || ' ' || details)) > 0`
      }`;
  };

  return {
    /** Makes the row of a log that has none yet. */
    async insertChain(tx: Tx, chain: string): Promise<void> {
      await tx`
        insert into chain (chain, sequence, digest, base_sequence, base_digest) values (${chain}, 0, '', 0, '')
        on conflict (chain) do nothing`;
    },

    /** The row, for this transaction alone until it ends. */
    async lockChain(tx: Tx, chain: string): Promise<Chain | undefined> {
      const [row] = await tx<Chain[]>`select ${chainColumns(tx)} from chain where chain = ${chain} for update`;
      return row;
    },

    async findChain(chain: string): Promise<Chain | undefined> {
      const [row] = await sql<Chain[]>`select ${chainColumns(sql)} from chain where chain = ${chain}`;
      return row;
    },

    /** Logs that have grown since they were last anchored, by name, after one. */
    listUnanchored(afterChain: string, limit: number): Promise<Chain[]> {
      return sql<Chain[]>`
        select ${chainColumns(sql)} from chain where sequence > anchored_sequence and chain > ${afterChain}
        order by chain limit ${limit}`;
    },

    async updateChain(tx: Tx, row: Omit<Chain, "anchoredSequence"> & { readonly seal: Buffer }): Promise<void> {
      await tx`
        update chain set sequence = ${row.sequence}, digest = ${row.digest}, base_sequence = ${row.baseSequence},
          base_digest = ${row.baseDigest}, seal = ${row.seal}
        where chain = ${row.chain}`;
    },

    /** False when somebody else has anchored as much meanwhile. */
    async updateAnchored(tx: Tx, chain: string, sequence: number): Promise<boolean> {
      const { count } = await tx`
        update chain set anchored_sequence = ${sequence} where chain = ${chain} and anchored_sequence < ${sequence}`;
      return count > 0;
    },

    async hasEvent(tx: Tx, eventId: string): Promise<boolean> {
      const rows = await tx`select from entry where event_id = ${eventId}`;
      return rows.length > 0;
    },

    async insertEntry(tx: Tx, row: ProvenEntry): Promise<void> {
      await tx`
        insert into entry (entry_id, chain, sequence, event_id, act, actor_id, operator_id, subject_kind, subject_id,
          client_address, address_salt, address_digest, happened_at, recorded_at, details, previous_digest, digest, seal)
        values (${row.entryId}, ${row.chain}, ${row.sequence}, ${row.eventId}, ${row.act}, ${row.actorId},
          ${row.operatorId}, ${row.subjectKind}, ${row.subjectId}, ${row.clientAddress}, ${row.addressSalt},
          ${row.addressDigest}, ${row.happenedAt}, ${row.recordedAt}, ${row.details}, ${row.previousDigest},
          ${row.digest}, ${row.seal})`;
    },

    /** A repeat is safe. */
    async insertForgotten(tx: Tx, userId: string, forgottenAt: Date): Promise<void> {
      await tx`
        insert into forgotten_person (user_id, forgotten_at) values (${userId}, ${forgottenAt})
        on conflict (user_id) do nothing`;
    },

    async isForgotten(tx: Tx, userId: string): Promise<boolean> {
      const rows = await tx`select from forgotten_person where user_id = ${userId}`;
      return rows.length > 0;
    },

    async forgetAddresses(tx: Tx, userId: string): Promise<void> {
      await tx`
        update entry set client_address = null, address_salt = null
        where (actor_id = ${userId} or (actor_id = '' and subject_id = ${userId})) and client_address is not null`;
    },

    /** `chain` undefined for whichever log. */
    async findEntry(chain: string | undefined, entryId: string): Promise<ProvenEntry | undefined> {
      const [row] = await sql<ProvenEntry[]>`
        select ${columns(sql)}, ${proof(sql)} from entry
        where entry_id = ${entryId} ${chain === undefined ? sql`` : sql`and chain = ${chain}`}`;
      return row;
    },

    /** Newest first, those before a position. */
    listEntries(
      db: Sql | Tx,
      filter: EntryFilter,
      beforePosition: bigint | undefined,
      limit: number,
    ): Promise<ListedEntry[]> {
      return db<ListedEntry[]>`
        select ${columns(db)}, position from entry
        where ${matches(db, filter)} ${beforePosition === undefined ? db`` : db`and position < ${beforePosition}`}
        order by position desc limit ${limit}`;
    },

    /** With all that proves them, oldest first, those after a position. */
    exportEntries(
      filter: EntryFilter,
      afterPosition: bigint,
      limit: number,
    ): Promise<(ProvenEntry & { readonly position: bigint })[]> {
      return sql<(ProvenEntry & { readonly position: bigint })[]>`
        select ${columns(sql)}, ${proof(sql)}, position from entry
        where ${matches(sql, filter)} and position > ${afterPosition}
        order by position limit ${limit}`;
    },

    /** A log's entries after a number, in order. */
    readChain(chain: string, afterSequence: number, limit: number): Promise<ProvenEntry[]> {
      return sql<ProvenEntry[]>`
        select ${columns(sql)}, ${proof(sql)} from entry where chain = ${chain} and sequence > ${afterSequence}
        order by sequence limit ${limit}`;
    },

    async findDigest(chain: string, sequence: number): Promise<string | undefined> {
      const [row] = await sql<{ digest: string }[]>`
        select digest from entry where chain = ${chain} and sequence = ${sequence}`;
      return row?.digest;
    },

    /** Logs with entries older than a time. */
    async listAged(before: Date, limit: number): Promise<readonly string[]> {
      const rows = await sql<{ chain: string }[]>`
        select distinct chain from (select chain from entry where recorded_at < ${before} order by recorded_at limit ${limit})
        as aged`;
      return rows.map(({ chain }) => chain);
    },

    /** The last of a log's first `limit` entries before which all are older than a time; undefined when there is none. */
    async findLastAged(
      tx: Tx,
      chain: string,
      before: Date,
      limit: number,
    ): Promise<{ readonly sequence: number; readonly digest: string } | undefined> {
      const [row] = await tx<{ sequence: number; digest: string }[]>`
        select sequence, digest from (
          select sequence::float8 as sequence, digest, bool_and(recorded_at < ${before}) over (order by sequence) as is_aged
          from entry where chain = ${chain} order by sequence limit ${limit}
        ) as first where is_aged order by sequence desc limit 1`;
      return row;
    },

    /** What somebody did, newest first. */
    listEntriesBy(tx: Tx, userId: string, limit: number): Promise<readonly object[]> {
      return tx`
        select entry_id, chain, sequence::float8, act, subject_kind, subject_id, client_address, happened_at, details::json
        from entry where actor_id = ${userId} order by position desc limit ${limit}`;
    },

    /** What others did to somebody, newest first. An address is told where nobody is known who came from there. */
    listEntriesAbout(tx: Tx, userId: string, limit: number): Promise<readonly object[]> {
      return tx`
        select entry_id, chain, sequence::float8, act, actor_id, client_address, happened_at, details::json from (
          select entry_id, chain, sequence, position, act, actor_id, happened_at, details,
            case when actor_id = '' then client_address end as client_address
          from entry where subject_id = ${userId} and actor_id <> ${userId}) as about
        order by position desc limit ${limit}`;
    },

    async deleteEntries(tx: Tx, chain: string, untilSequence: number): Promise<void> {
      await tx`delete from entry where chain = ${chain} and sequence <= ${untilSequence}`;
    },
  };
}

export type AuditStore = ReturnType<typeof createAuditStore>;
