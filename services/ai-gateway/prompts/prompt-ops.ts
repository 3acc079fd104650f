import { isDeepStrictEqual } from "node:util";
import { promptChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, decodeSequenceCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type Prompt, type PromptName, type PromptSpec, type PromptVersion, versionMeant } from "./prompt.ts";
import type { PromptMessage } from "./prompt-parts.ts";
import { type PromptValues, renderPrompt } from "./render-prompt.ts";

export type PromptDeps = Pick<AiGatewayDeps, "db" | "outbox" | "clock" | "promptStore">;

/** A prompt and that version of it which was asked for. */
export interface PromptAtVersion {
  readonly prompt: Prompt;
  readonly at: PromptVersion;
}

/** What is meant: a number, a label, or neither for the one labelled `production` and else the latest. */
export type PromptChoice = PromptName & { readonly version: string | undefined };

export interface RenderedPrompt extends Omit<PromptSpec, "messages" | "description"> {
  readonly version: number;
  readonly messages: readonly PromptMessage[];
}

const maxPrompts = 1_000;
const maxLabels = 20;

/** By name. Throws `kit.invalid_request` for a cursor that is none. */
export async function listPrompts(
  { promptStore }: PromptDeps,
  { tenantId, limit, cursor }: PageRequest & { readonly tenantId: string },
): Promise<Page<Prompt>> {
  const [after = ""] = decodeCursor(cursor, 1) ?? [];
  return toPage(await promptStore.listPrompts({ tenantId, after, limit }), limit, ({ name }) => [name]);
}

/** Throws `prompt_not_found` and `prompt_version_not_found`. */
export async function getPrompt(
  { db, promptStore }: PromptDeps,
  { version: said, ...named }: PromptChoice,
): Promise<PromptAtVersion> {
  const prompt = await promptStore.findPrompt(db.sql, named);
  const version = prompt && versionMeant(prompt, said);
  const at = version === undefined ? undefined : await promptStore.findVersion(db.sql, named, version);
  if (!prompt || !at) throw notFound(named.name, said);
  return { prompt, at };
}

/** The newest first. Throws `prompt_not_found`, and `kit.invalid_request` for a cursor that is none. */
export async function listPromptVersions(
  deps: PromptDeps,
  { limit, cursor, ...named }: PageRequest & PromptName,
): Promise<Page<PromptVersion>> {
  const prompt = await deps.promptStore.findPrompt(deps.db.sql, named);
  if (!prompt) throw notFound(named.name, undefined);
  const before = Number(decodeSequenceCursor(cursor) ?? prompt.latestVersion + 1);
  const rows = await deps.promptStore.listVersions(named, { before, limit });
  return toPage(rows, limit, ({ version }) => [String(version)]);
}

/**
 * Makes a prompt, or its next version; labels stay where they are. A repeat of what the latest version says changes nothing. Throws
 * `prompt_version_mismatch` and `too_many_prompts`.
 */
export async function putPrompt(
  { db, outbox, clock, promptStore }: PromptDeps,
  { tenantId, name, spec, expectedVersion }: PromptName & { spec: PromptSpec; expectedVersion: number | undefined },
): Promise<PromptAtVersion> {
  const named = { tenantId, name };
  return db.transaction(async (tx) => {
    await promptStore.lockPrompts(tx, tenantId);
    const before = await promptStore.findPrompt(tx, named);
    const current = before?.latestVersion ?? 0;
    if (expectedVersion !== undefined && expectedVersion !== current) {
      throw new Failure(aiGatewayFailures.prompt_version_mismatch, { current, expected: expectedVersion });
    }
    const latest = before && (await promptStore.findVersion(tx, named, current));
    if (before && latest && isDeepStrictEqual(latest.spec, spec)) return { prompt: before, at: latest };
    if (!before && (await promptStore.countPrompts(tx, tenantId)) >= maxPrompts) {
      throw new Failure(aiGatewayFailures.too_many_prompts, { limit: maxPrompts });
    }
    const updatedAt = new Date(clock.nowMs());
    const prompt = { ...named, latestVersion: current + 1, labels: before?.labels ?? {}, updatedAt };
    const at = { version: current + 1, spec, actorId: currentActorId(), createdAt: updatedAt };
    await promptStore.putPrompt(tx, prompt);
    await promptStore.addVersion(tx, named, at);
    await outbox.append(tx, promptChanged, { ...named, version: at.version, actorId: at.actorId });
    return { prompt, at };
  });
}

/** Removes a prompt and all of its versions: calls that name it are refused. Throws `prompt_not_found`. */
export async function removePrompt(deps: PromptDeps, named: PromptName): Promise<void> {
  await changePrompt(deps, named, async (tx) => {
    await deps.promptStore.deletePrompt(tx, named);
    return { version: 0, label: "" };
  });
}

/** Makes a label mean this version, from the next call on. Throws `prompt_not_found` and `too_many_labels`. */
export async function labelPrompt(
  deps: PromptDeps,
  { label, version, ...named }: PromptName & { readonly label: string; readonly version: number },
): Promise<Prompt> {
  return changeLabels(deps, named, label, (prompt) => {
    if (version > prompt.latestVersion) throw notFound(named.name, String(version));
    const labels = { ...prompt.labels, [label]: version };
    if (Object.keys(labels).length > maxLabels) {
      throw new Failure(aiGatewayFailures.too_many_labels, { limit: maxLabels });
    }
    return labels;
  });
}

/** Takes a label away, if it is there. Throws `prompt_not_found`. */
export function unlabelPrompt(
  deps: PromptDeps,
  { label, ...named }: PromptName & { readonly label: string },
): Promise<Prompt> {
  return changeLabels(deps, named, label, ({ labels: { [label]: _gone, ...rest } }) => rest);
}

/** What a call would be given. Throws `prompt_not_found` and `prompt_variables`. */
export async function renderChosen(
  deps: PromptDeps,
  { variables, ...choice }: PromptChoice & { readonly variables: PromptValues },
): Promise<RenderedPrompt> {
  const {
    at: { version, spec },
  } = await getPrompt(deps, choice);
  const { messages: _template, description: _description, ...rest } = spec;
  return { version, messages: renderPrompt(choice.name, spec, variables), ...rest };
}

async function changeLabels(
  deps: PromptDeps,
  named: PromptName,
  label: string,
  change: (prompt: Prompt) => Prompt["labels"],
): Promise<Prompt> {
  return changePrompt(deps, named, async (tx, prompt) => {
    const labels = change(prompt);
    const changed = { ...prompt, labels, updatedAt: new Date(deps.clock.nowMs()) };
    await deps.promptStore.putPrompt(tx, changed);
    return { version: labels[label] ?? 0, label, changed };
  }).then(({ changed }) => changed);
}

/** Changes a prompt that is there, and says so: `version` 0 stands for gone. */
async function changePrompt<T extends { readonly version: number; readonly label: string }>(
  { db, outbox, promptStore }: PromptDeps,
  named: PromptName,
  change: (tx: Tx, prompt: Prompt) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    await promptStore.lockPrompts(tx, named.tenantId);
    const prompt = await promptStore.findPrompt(tx, named);
    if (!prompt) throw notFound(named.name, undefined);
    const changed = await change(tx, prompt);
    const { version, label } = changed;
    await outbox.append(tx, promptChanged, { ...named, version, label, actorId: currentActorId() });
    return changed;
  });
}

function notFound(name: string, version: string | undefined): Failure {
  return version === undefined
    ? new Failure(aiGatewayFailures.prompt_not_found, { name })
    : new Failure(aiGatewayFailures.prompt_version_not_found, { name, version });
}
