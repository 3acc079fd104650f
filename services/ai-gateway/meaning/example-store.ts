import type { Database } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";

/** Whose examples, by which model. */
export interface ExampleSet {
  readonly tenantId: string;
  readonly modelHash: Buffer;
}

/** The SQL of examples as vectors. One method, one statement. */
export function createExampleStore(db: Database) {
  const { sql } = db;
  return {
    /** Those of them that have a vector. */
    listVectors({ tenantId, modelHash }: ExampleSet, textHashes: readonly Buffer[]) {
      return sql<{ textHash: Buffer; vector: Buffer }[]>`
        select text_hash as "textHash", vector from example_vector
        where tenant_id = ${tenantId} and model_hash = ${modelHash} and text_hash = any(${[...textHashes]}::bytea[])
          and vector is not null`;
    },

    /** They are kept until `expiresAt`; one that is kept nearly as long already stays as it is. */
    async keep(
      { tenantId, modelHash }: ExampleSet,
      textHashes: readonly Buffer[],
      { before, expiresAt }: { readonly before: Date; readonly expiresAt: Date },
    ): Promise<void> {
      await sql`
        update example_vector set expires_at = ${expiresAt}
        where tenant_id = ${tenantId} and model_hash = ${modelHash} and text_hash = any(${[...textHashes]}::bytea[])
          and expires_at < ${before}`;
    },

    /** Which of them are the asker's to make until `claimedUntil`: those that nobody has made or is making. */
    async claim(
      { tenantId, modelHash }: ExampleSet,
      textHashes: readonly Buffer[],
      { now, claimedUntil, expiresAt }: { readonly now: Date; readonly claimedUntil: Date; readonly expiresAt: Date },
    ): Promise<readonly Buffer[]> {
      const rows = await sql<{ textHash: Buffer }[]>`
        insert into example_vector (tenant_id, model_hash, text_hash, claimed_until, expires_at)
        select ${tenantId}, ${modelHash}, text_hash, ${claimedUntil}, ${expiresAt}
        from unnest(${[...textHashes]}::bytea[]) as given (text_hash)
        on conflict (tenant_id, model_hash, text_hash) do update
          set claimed_until = excluded.claimed_until, expires_at = excluded.expires_at
          where example_vector.vector is null and example_vector.claimed_until <= ${now}
        returning text_hash as "textHash"`;
      return rows.map(({ textHash }) => textHash);
    },

    async put({ tenantId, modelHash }: ExampleSet, vectors: ReadonlyMap<Buffer, Buffer>): Promise<void> {
      await sql`
        update example_vector set vector = given.vector
        from unnest(${[...vectors.keys()]}::bytea[], ${[...vectors.values()]}::bytea[]) as given (text_hash, vector)
        where tenant_id = ${tenantId} and model_hash = ${modelHash} and example_vector.text_hash = given.text_hash`;
    },

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "example_vector", { now, limit }),
  };
}

export type ExampleStore = ReturnType<typeof createExampleStore>;
