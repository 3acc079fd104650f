import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AiGatewayOps } from "./ops.ts";
import {
  type Prompt,
  type PromptVersion,
  promptLabelSchema,
  promptNameSchema,
  promptSchema,
  promptShape,
} from "./prompts/prompt.ts";
import type { PromptAtVersion } from "./prompts/prompt-ops.ts";
import { namesIn } from "./prompts/render-prompt.ts";

const { json } = routesFor<AiGatewayOps>();

const promptPath = "/api/v1/ai/prompts/{name}";
const params = z.strictObject({ name: promptNameSchema });
const labelParams = z.strictObject({ name: promptNameSchema, label: promptLabelSchema });
const versionField = z
  .string()
  .min(1)
  .max(60)
  .optional()
  .describe("A number or a label; unless given the one labelled `production`, or else the latest.");
const example = {
  messages: [
    { role: "system", content: "You answer customers of {{shop}} in two sentences." },
    { role: "user", content: "{{question}}" },
  ],
  model: "gpt-4o-mini",
  parameters: { temperature: 0.2 },
};

const summaryBody = z.strictObject({
  object: z.literal("prompt"),
  name: z.string(),
  latest_version: z.int(),
  labels: z.record(z.string(), z.int()).describe("Which version each means."),
  updated_at: z.iso.datetime(),
});

const versionBody = z.strictObject({
  ...promptShape,
  object: z.literal("prompt.version"),
  version: z.int().describe("1, and one more for each change. It never changes."),
  variables: z.array(z.string()).describe("What a call has to give."),
  created_by: z.string(),
  created_at: z.iso.datetime(),
});

const promptBody = z.strictObject({ ...summaryBody.shape, content: versionBody.describe("The version asked for.") });

const { description: _description, ...renderedShape } = promptShape;
const renderedBody = z.strictObject({
  object: z.literal("prompt.rendered"),
  version: z.int(),
  ...renderedShape,
});

const notFound = [aiGatewayFailures.prompt_not_found, aiGatewayFailures.prompt_version_not_found];

/** Texts that calls begin with, kept in versions. */
export const promptRoutes = [
  json({
    method: "GET",
    path: "/api/v1/ai/prompts",
    permission: "prompt:read",
    operation: "listPrompts",
    summary: "The tenant's prompts, by name.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(summaryBody),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toPageBody(await ops.listPrompts({ tenantId, ...request.query }), toSummary);
    },
  }),
  json({
    method: "GET",
    path: promptPath,
    permission: "prompt:read",
    operation: "getPrompt",
    summary: "One prompt, with what a version of it says.",
    params,
    query: z.strictObject({ version: versionField }),
    response: promptBody,
    versionOf: ({ latest_version }) => latest_version,
    failures: notFound,
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { version } = request.query;
      return toPromptBody(await ops.getPrompt({ tenantId, name: request.params.name, version }));
    },
  }),
  json({
    method: "GET",
    path: `${promptPath}/versions`,
    permission: "prompt:read",
    operation: "listPromptVersions",
    summary: "What a prompt says and has said, the newest first.",
    params,
    query: z.strictObject(pageQueryFields),
    response: pageOf(versionBody),
    failures: [aiGatewayFailures.prompt_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const page = await ops.listPromptVersions({ tenantId, name: request.params.name, ...request.query });
      return toPageBody(page, toVersionBody);
    },
  }),
  json({
    method: "PUT",
    path: promptPath,
    permission: "prompt:update",
    operation: "putPrompt",
    summary: "Makes a prompt, or its next version; earlier ones stay, and labels go on to mean what they meant.",
    params,
    body: promptSchema.meta({ examples: [example] }),
    response: promptBody,
    versionOf: ({ latest_version }) => latest_version,
    failures: [aiGatewayFailures.prompt_version_mismatch, aiGatewayFailures.too_many_prompts],
    async handle(ops, { expectedVersion, params: { name }, body: spec, ...request }) {
      const { tenantId } = requireCaller(request);
      return toPromptBody(await ops.putPrompt({ tenantId, name, spec, expectedVersion }));
    },
  }),
  json({
    method: "DELETE",
    path: promptPath,
    permission: "prompt:delete",
    operation: "removePrompt",
    summary: "Removes a prompt with all of its versions: calls that name it are refused.",
    params,
    response: z.strictObject({ object: z.literal("prompt"), name: z.string(), deleted: z.literal(true) }),
    failures: [aiGatewayFailures.prompt_not_found],
    async handle(ops, request) {
      const { name } = request.params;
      await ops.removePrompt({ tenantId: requireCaller(request).tenantId, name });
      return { object: "prompt" as const, name, deleted: true as const };
    },
  }),
  json({
    method: "PUT",
    path: `${promptPath}/labels/{label}`,
    permission: "prompt:update",
    operation: "labelPrompt",
    summary: "Makes a label mean a version, from the next call on. `production` is what calls mean that name none.",
    params: labelParams,
    body: z.strictObject({
      version: z
        .int()
        .min(1)
        .meta({ examples: [2] }),
    }),
    response: summaryBody,
    failures: [...notFound, aiGatewayFailures.too_many_labels],
    async handle(ops, { params: named, body: { version }, ...request }) {
      return toSummary(await ops.labelPrompt({ tenantId: requireCaller(request).tenantId, ...named, version }));
    },
  }),
  json({
    method: "DELETE",
    path: `${promptPath}/labels/{label}`,
    permission: "prompt:update",
    operation: "unlabelPrompt",
    summary: "Takes a label away, if it is there.",
    params: labelParams,
    response: summaryBody,
    failures: [aiGatewayFailures.prompt_not_found],
    async handle(ops, { params: named, ...request }) {
      return toSummary(await ops.unlabelPrompt({ tenantId: requireCaller(request).tenantId, ...named }));
    },
  }),
  json({
    method: "POST",
    path: `${promptPath}:render`,
    permission: "prompt:read",
    operation: "renderPrompt",
    summary: "What a call would be given. Calls no model and costs nothing.",
    params,
    body: z
      .strictObject({ version: versionField, variables: z.record(z.string(), z.string().max(200_000)).default({}) })
      .meta({ examples: [{ variables: { shop: "Lyss", question: "Where is my order?" } }] }),
    response: renderedBody,
    failures: [...notFound, aiGatewayFailures.prompt_variables],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { messages, ...rest } = await ops.renderPrompt({
        tenantId,
        name: request.params.name,
        version: undefined,
        ...request.body,
      });
      return { object: "prompt.rendered" as const, ...rest, messages: [...messages] };
    },
  }),
];

function toSummary({ name, latestVersion, labels, updatedAt }: Prompt): z.input<typeof summaryBody> {
  return {
    object: "prompt",
    name,
    latest_version: latestVersion,
    labels: { ...labels },
    updated_at: updatedAt.toISOString(),
  };
}

function toVersionBody({ version, spec, actorId, createdAt }: PromptVersion): z.input<typeof versionBody> {
  const about = { object: "prompt.version" as const, version, variables: [...namesIn(spec)] };
  return { ...about, ...spec, created_by: actorId, created_at: createdAt.toISOString() };
}

function toPromptBody({ prompt, at }: PromptAtVersion): z.input<typeof promptBody> {
  return { ...toSummary(prompt), content: toVersionBody(at) };
}
