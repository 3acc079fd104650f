import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { fineTuningFailures } from "@lyss/contracts/failures/ai-gateway-fine-tuning.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { currentContext } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { modelField, type Place } from "./call-routes.ts";
import { jobStatuses, toJobObject } from "./fine-tuning/job.ts";
import { metadataPairs } from "./metadata-pairs.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

/** One less than the vendor's: that is what a job is found by. */
const maxPairs = 15;

const settings = z.looseObject({}).describe("As the vendor takes it; it goes there as it is.");
const jobInput = z.strictObject({
  model: modelField,
  training_file: z.string().max(100).describe("A file of purpose `fine-tune`."),
  validation_file: z.string().max(100).nullish(),
  suffix: z.string().max(64).nullish().describe("Becomes part of the model's name."),
  seed: z.int().nullish(),
  method: settings.optional().meta({ examples: [{ type: "supervised" }] }),
  hyperparameters: settings.optional().meta({ examples: [{ n_epochs: 3 }] }),
  integrations: z
    .array(settings)
    .max(5)
    .nullish()
    .meta({ examples: [[]] }),
  metadata: metadataPairs(maxPairs)
    .nullish()
    .meta({ examples: [{ team: "support" }] }),
});

const job = z.strictObject({
  object: z.literal("fine_tuning.job"),
  id: z.string(),
  model: z.string(),
  status: z.enum(jobStatuses),
  created_at: z.number(),
  finished_at: z.number().nullable(),
  estimated_finish: z.number().nullable(),
  fine_tuned_model: z
    .string()
    .nullable()
    .describe("What its vendor calls the model that came of it: offer it by the provider to call it; see the guide."),
  organization_id: z.string(),
  ...{ training_file: z.string(), validation_file: z.string().nullable() },
  result_files: z.array(z.string()),
  trained_tokens: z.number().nullable().describe("What its vendor bills; nothing is charged here."),
  seed: z.number(),
  hyperparameters: z.looseObject({}),
  method: z.looseObject({}).nullable(),
  error: z.strictObject({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
  integrations: z
    .array(z.looseObject({}))
    .describe("As its vendor shows them.")
    .meta({ examples: [[]] }),
});
const listOf = <Row extends z.ZodType>(row: Row) =>
  z.strictObject({ object: z.literal("list"), data: z.array(row), has_more: z.boolean() });

const params = z.strictObject({ id: z.string().max(100) });
const failures = [fineTuningFailures.fine_tuning_job_not_found];
const page = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().max(256).optional().describe("The id of the one before the first."),
});
const verbs = { cancel: "Ends", pause: "Pauses", resume: "Goes on with" } as const;
const lists = {
  events: "What its vendor tells of a job's progress, the newest first.",
  checkpoints: "The models that a job has made on its way.",
} as const;
const nameOf = (what: string) => `${what[0]?.toUpperCase()}${what.slice(1)}`;

/** Fine-tuning at accounts of the tenant's own, in OpenAI's dialect: their vendor bills it. */
export function fineTuningRoutes({ prefix, suffix, dialect }: Place) {
  const all = `${prefix}/fine_tuning/jobs`;
  const path = `${all}/{id}`;
  return [
    json({
      ...dialect,
      // What is not metered here is no matter of every key.
      ...{ method: "POST", path: all, permission: "provider:proxy", priority: "background" },
      operation: `createFineTuningJob${suffix}`,
      summary:
        "Fine-tunes a model at the tenant's own account that offers it. The vendor bills it there; nothing is charged here, and no budget counts it.",
      takesIdempotencyKey: true,
      body: jobInput,
      response: job,
      failures: [
        ...[fineTuningFailures.fine_tuning_provider_missing, fineTuningFailures.fine_tuning_file_elsewhere],
        batchFailures.file_not_found,
      ],
      async handle(ops, request) {
        const { model, training_file, validation_file, metadata, ...given } = request.body;
        const made = await ops.createFineTuningJob({
          ...{ caller: requireCaller(request), model, metadata: metadata ?? null, settings: given },
          ...{ trainingFileId: training_file, validationFileId: validation_file ?? null },
          idempotencyKey: currentContext()?.idempotencyKey,
        });
        return toJobObject(made);
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path: all, permission: "model:call" },
      operation: `listFineTuningJobs${suffix}`,
      summary: "The caller's own jobs, the newest first.",
      query: page,
      response: listOf(job),
      async handle(ops, request) {
        const { limit, after } = request.query;
        const { jobs, hasMore } = await ops.listFineTuningJobs({ caller: requireCaller(request), limit, after });
        return { object: "list" as const, data: jobs.map(toJobObject), has_more: hasMore };
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path, params, failures, permission: "model:call", response: job },
      operation: `getFineTuningJob${suffix}`,
      summary: "A job as it stands at its vendor, or as it was last seen where that cannot be asked.",
      handle: async (ops, request) =>
        toJobObject(await ops.getFineTuningJob({ caller: requireCaller(request), jobId: request.params.id })),
    }),
    ...(["cancel", "pause", "resume"] as const).map((verb) =>
      json({
        ...dialect,
        ...{ method: "POST", path: `${path}/${verb}`, params, permission: "provider:proxy", response: job },
        operation: `${verb}FineTuningJob${suffix}`,
        summary: `${verbs[verb]} a job, as its vendor does that.`,
        failures: [...failures, batchFailures.batch_account_gone],
        handle: async (ops, request) =>
          toJobObject(await ops.actOnFineTuningJob({ caller: requireCaller(request), jobId: request.params.id, verb })),
      }),
    ),
    ...(["events", "checkpoints"] as const).map((what) =>
      json({
        ...dialect,
        ...{ method: "GET", path: `${path}/${what}`, params, permission: "model:call", query: page },
        operation: `listFineTuning${nameOf(what)}${suffix}`,
        summary: lists[what],
        response: listOf(z.looseObject({})),
        failures: [...failures, batchFailures.batch_account_gone],
        async handle(ops, request) {
          const { limit, after } = request.query;
          const asked = { caller: requireCaller(request), jobId: request.params.id, limit, after };
          const { rows, hasMore } = await ops.listOfFineTuningJob({ ...asked, what });
          return { object: "list" as const, data: rows, has_more: hasMore };
        },
      }),
    ),
  ];
}
