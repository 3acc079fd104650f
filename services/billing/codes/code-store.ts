import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { CodeBatch, CodeBatchUse } from "./code-model.ts";

/** A code under its row lock. */
export interface LockedCode extends CodeBatch {
  readonly uses: number;
}

/** The SQL of redemption codes. One method, one statement. */
export function createCodeStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    code_batch.batch_id as "batchId", name, currency, amount_nanos as "amountNanos", code_count as "codeCount",
    max_uses as "maxUses", code_batch.is_once_per_tenant as "isOncePerTenant", expires_at as "expiresAt",
    created_at as "createdAt", created_by as "createdBy", disabled_at as "disabledAt"`;
  const redemptions = (db: Sql | Tx) => db`
    (select count(*) from code_redemption r where r.batch_id = code_batch.batch_id)::integer as redemptions`;

  return {
    async insertBatch(tx: Tx, batch: CodeBatch): Promise<void> {
      await tx`
        insert into code_batch (batch_id, name, currency, amount_nanos, code_count, max_uses, is_once_per_tenant, expires_at,
          created_at, created_by)
        values (${batch.batchId}, ${batch.name}, ${batch.currency}, ${batch.amountNanos}, ${batch.codeCount},
          ${batch.maxUses}, ${batch.isOncePerTenant}, ${batch.expiresAt}, ${batch.createdAt}, ${batch.createdBy})`;
    },

    async insertCodes(tx: Tx, batchId: string, hashes: readonly Buffer[]): Promise<void> {
      const hex = hashes.map((hash) => hash.toString("hex"));
      await tx`
        insert into code (code_hash, batch_id) select decode(hash, 'hex'), ${batchId} from unnest(${hex}::text[]) as hash`;
    },

    /** Locked after the wallet: of two claims on one code the second sees what the first has done. */
    async lockCode(tx: Tx, hash: Buffer): Promise<LockedCode | undefined> {
      const [code] = await tx<LockedCode[]>`
        select uses, ${columns(tx)} from code join code_batch using (batch_id) where code_hash = ${hash}
        for update of code`;
      return code;
    },

    /** Whether the tenant has redeemed this code, or one of a batch that is meant for one each. */
    async hasRedeemed(tx: Tx, hash: Buffer, batchId: string, tenantId: string): Promise<boolean> {
      const [row] = await tx<{ found: boolean }[]>`
        select exists (
          select from code_redemption where tenant_id = ${tenantId}
            and (code_hash = ${hash} or (batch_id = ${batchId} and is_once_per_tenant))
        ) as found`;
      return row?.found === true;
    },

    async insertRedemption(
      tx: Tx,
      redemption: {
        readonly redemptionId: string;
        readonly hash: Buffer;
        readonly batchId: string;
        readonly isOncePerTenant: boolean;
        readonly tenantId: string;
        readonly userId: string;
        readonly redeemedAt: Date;
      },
    ): Promise<void> {
      await tx`
        insert into code_redemption (redemption_id, code_hash, batch_id, is_once_per_tenant, tenant_id, user_id, redeemed_at)
        values (${redemption.redemptionId}, ${redemption.hash}, ${redemption.batchId}, ${redemption.isOncePerTenant},
          ${redemption.tenantId}, ${redemption.userId}, ${redemption.redeemedAt})`;
    },

    async countUse(tx: Tx, hash: Buffer): Promise<void> {
      await tx`update code set uses = uses + 1 where code_hash = ${hash}`;
    },

    async disableBatch(tx: Tx, batchId: string, now: Date): Promise<CodeBatchUse | undefined> {
      const [batch] = await tx<CodeBatchUse[]>`
        update code_batch set disabled_at = coalesce(disabled_at, ${now}::timestamptz) where batch_id = ${batchId}
        returning ${columns(tx)}, ${redemptions(tx)}`;
      return batch;
    },

    listBatches(page: { readonly afterId: string | undefined; readonly limit: number }): Promise<CodeBatchUse[]> {
      const afterId = page.afterId ?? null;
      return sql<CodeBatchUse[]>`
        select ${columns(sql)}, ${redemptions(sql)} from code_batch
        where ${afterId}::text is null or batch_id < ${afterId} order by batch_id desc limit ${page.limit}`;
    },
  };
}

export type CodeStore = ReturnType<typeof createCodeStore>;
