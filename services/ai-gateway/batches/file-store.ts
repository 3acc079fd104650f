import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Owner } from "../responses/response-store.ts";
import type { ShownPurpose } from "./file-purpose.ts";
import type { BatchEndpoint } from "./request-line.ts";

/** `requests` and `answers` are a batch's own. */
export type FilePurpose = ShownPurpose | "requests" | "answers";

/**
 * What is held for of a request in a file; and what of it decides how its answer is written, where that is more than nothing; and names that
 * its caller gave tools, by those that they have at the account.
 */
export type RequestBound = readonly [
  customId: string,
  inputTokens: number,
  outputTokens: number,
  kept?: Readonly<Record<string, unknown>> | null,
  toolNames?: Readonly<Record<string, string>>,
];

/** A file that its owner is shown. */
export type ShownFile = FileRow & { readonly purpose: ShownPurpose };

export interface FileRow extends Owner {
  readonly fileId: string;
  /** Empty for examples of which no job was made yet. */
  readonly providerId: string;
  /** Empty for one that is kept here. */
  readonly upstreamId: string;
  readonly purpose: FilePurpose;
  readonly fileName: string;
  readonly bytes: bigint;
  /** As its requests name it, and as its provider's account has it. */
  readonly model: string;
  readonly targetModel: string;
  readonly endpoint: BatchEndpoint;
  readonly createdAt: Date;
  /** When one that is kept here goes; others stay until they are removed. */
  readonly expiresAt?: Date | null;
}

/** Names one file of an owner. */
export interface FileName extends Owner {
  readonly fileId: string;
}

export interface FilePage {
  readonly limit: number;
  readonly order: "asc" | "desc";
  /** The id of the file before it. */
  readonly after: string | undefined;
  readonly purpose: ShownPurpose | undefined;
}

/** The SQL of files. One method, one statement. */
export function createFileStore(db: Database) {
  const { sql } = db;
  const columns = sql`file_id as "fileId", tenant_id as "tenantId", owner_id as "ownerId", provider_id as "providerId",
    upstream_id as "upstreamId", purpose, file_name as "fileName", bytes, model, target_model as "targetModel", endpoint,
    created_at as "createdAt", expires_at as "expiresAt"`;
  const isShown = sql`purpose in ('batch', 'batch_output', 'fine-tune', 'fine-tune-results')`;
  return {
    /** Once, however often it is told. What is nobody's is shown to nobody, and removed. */
    async insert(tx: Tx, file: FileRow, requests: readonly RequestBound[] | undefined): Promise<void> {
      const bounds = requests ? JSON.stringify(requests) : null;
      const removedAt = file.ownerId === "" ? file.createdAt : null;
      await tx`
        insert into file (file_id, tenant_id, owner_id, provider_id, upstream_id, purpose, file_name, bytes, model,
          target_model, endpoint, requests, created_at, expires_at, removed_at)
        values (${file.fileId}, ${file.tenantId}, ${file.ownerId}, ${file.providerId}, ${file.upstreamId}, ${file.purpose},
          ${file.fileName}, ${file.bytes}, ${file.model}, ${file.targetModel}, ${file.endpoint}, ${bounds}::text::jsonb, ${file.createdAt},
          ${file.expiresAt ?? null}, ${removedAt})
        on conflict (file_id) do nothing`;
    },

    async find({ tenantId, ownerId, fileId }: FileName): Promise<ShownFile | undefined> {
      const [row] = await sql<ShownFile[]>`
        select ${columns} from file
        where file_id = ${fileId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and removed_at is null and ${isShown}`;
      return row;
    },

    /** Also of a file that is shown to nobody any more. */
    async listRequests(fileId: string): Promise<readonly RequestBound[]> {
      const [row] = await sql<{ requests: readonly RequestBound[] | null }[]>`
        select requests from file where file_id = ${fileId}`;
      return row?.requests ?? [];
    },

    /** Where it lies at its provider; also of a file that is shown to nobody, or to nobody any more. */
    async findUpstream(fileId: string): Promise<string | undefined> {
      const [row] = await sql<{ upstreamId: string }[]>`
        select upstream_id as "upstreamId" from file where file_id = ${fileId}`;
      return row?.upstreamId;
    },

    hideFiles: (tx: Tx, fileIds: readonly string[], now: Date) => tx`
      update file set removed_at = ${now} where file_id = any(${fileIds}) and removed_at is null`,

    list({ tenantId, ownerId }: Owner, { limit, order, after, purpose }: FilePage): Promise<ShownFile[]> {
      const beyond = order === "desc" ? sql`file_id < ${after ?? "~"}` : sql`file_id > ${after ?? ""}`;
      return sql<ShownFile[]>`
        select ${columns} from file
        where tenant_id = ${tenantId} and owner_id = ${ownerId} and removed_at is null and ${isShown} and ${beyond}
          and (${purpose ?? null}::text is null or purpose = ${purpose ?? null})
        order by file_id ${order === "desc" ? sql`desc` : sql`asc`} limit ${limit}`;
    },

    async countOf(tenantId: string): Promise<number> {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from file where tenant_id = ${tenantId} and removed_at is null and ${isShown}`;
      return row?.count ?? 0;
    },

    /** Of what a file holds that is kept here; gone with it. */
    insertPiece: (tx: Tx, fileId: string, number: number, sealed: Buffer) => tx`
      insert into file_piece (file_id, number, sealed) values (${fileId}, ${number}, ${sealed})`,

    async findPiece(fileId: string, number: number): Promise<Buffer | undefined> {
      const [row] = await sql<{ sealed: Buffer }[]>`
        select sealed from file_piece where file_id = ${fileId} and number = ${number}`;
      return row?.sealed;
    },

    /** What of a tenant's is kept here. */
    async keptBytesOf(tenantId: string): Promise<bigint> {
      const [row] = await sql<{ bytes: bigint }[]>`
        select coalesce(sum(bytes), 0)::bigint as bytes from file
        where tenant_id = ${tenantId} and removed_at is null and purpose in ('batch', 'fine-tune') and upstream_id = ''`;
      return row?.bytes ?? 0n;
    },

    /** From then on it lies there, and what was kept of it here is gone. False where it lies somewhere already. */
    async bind(
      tx: Tx,
      { fileId, providerId, upstreamId, model, targetModel }: Omit<FileRow, "purpose">,
    ): Promise<boolean> {
      const { count } = await tx`
        with bound as (
          update file set provider_id = ${providerId}, upstream_id = ${upstreamId}, model = ${model},
            target_model = ${targetModel}, expires_at = null
          where file_id = ${fileId} and upstream_id = '' returning file_id)
        , dropped as (delete from file_piece using bound where file_piece.file_id = bound.file_id)
        select from bound`;
      return count > 0;
    },

    async hideExpired(now: Date): Promise<void> {
      await db.transaction(
        (tx) => tx`update file set removed_at = ${now} where removed_at is null and expires_at <= ${now}`,
      );
    },

    /** True when it was there. */
    async hide({ tenantId, ownerId, fileId }: FileName, now: Date): Promise<boolean> {
      const result = await db.transaction(
        (tx) => tx`
          update file set removed_at = ${now}
          where file_id = ${fileId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and removed_at is null`,
      );
      return result.count > 0;
    },

    async hideAllOf(tx: Tx, ownerId: string, now: Date): Promise<void> {
      await tx`update file set removed_at = ${now}, file_name = '' where owner_id = ${ownerId} and removed_at is null`;
    },

    listOf(tx: Tx, ownerId: string, limit: number): Promise<ShownFile[]> {
      return tx<ShownFile[]>`
        select ${columns} from file where owner_id = ${ownerId} and removed_at is null and ${isShown} order by file_id desc limit ${limit}`;
    },

    /** Those that are hidden and that no batch or job under way needs, nor another file that is the same there, the oldest first. */
    listToRemove(limit: number): Promise<FileRow[]> {
      return sql<FileRow[]>`
        select ${columns} from file
        where removed_at is not null
          and not exists (select from batch where input_file_id = file_id and not is_settled)
          and not exists (
            select from fine_tuning_job where file_id in (training_file_id, validation_file_id) and not is_over)
          and (upstream_id = '' or not exists (
            select from file other where other.provider_id = file.provider_id and other.upstream_id = file.upstream_id
              and other.file_id <> file.file_id and other.removed_at is null))
        order by removed_at limit ${limit}`;
    },

    async remove(fileId: string): Promise<void> {
      await db.transaction((tx) => tx`delete from file where file_id = ${fileId}`);
    },
  };
}

export type FileStore = ReturnType<typeof createFileStore>;
