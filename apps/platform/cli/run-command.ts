import { failureText, isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import { Command, CommanderError } from "commander";
import manifest from "../package.json" with { type: "json" };
import { addAgentCommands } from "./agent-commands.ts";
import { addAuditCommands } from "./audit-commands.ts";
import { addBatchCommands } from "./batch-commands.ts";
import { addBillingCommands } from "./billing-commands.ts";
import { addBudgetCommands } from "./budget-commands.ts";
import { addCacheCommands } from "./cache-commands.ts";
import { addCallDefaultsCommands } from "./call-defaults-commands.ts";
import { addClientCommands } from "./client-commands.ts";
import { addCodeCommands } from "./code-commands.ts";
import type { CliDeps } from "./context.ts";
import { addCredentialCommands } from "./credential-commands.ts";
import { addDemoCommand } from "./demo-command.ts";
import { addDoctorCommand } from "./doctor-command.ts";
import { addEventCommands } from "./event-commands.ts";
import { addExportCommands } from "./export-commands.ts";
import { addFeedbackCommands } from "./feedback-commands.ts";
import { addGroupCommands } from "./group-commands.ts";
import { addGuardrailCommands } from "./guardrail-commands.ts";
import { addInvoiceCommands } from "./invoice-commands.ts";
import { addKeyCommands } from "./key-commands.ts";
import { addMcpCommands } from "./mcp-commands.ts";
import { addModelCommands } from "./model-commands.ts";
import { addModelLimitCommands } from "./model-limit-commands.ts";
import { addMoneyCommands } from "./money-commands.ts";
import { addOrderCommands } from "./order-commands.ts";
import { addPlanCommands } from "./plan-commands.ts";
import { addPriceCommands } from "./price-commands.ts";
import { addPromptCommands } from "./prompt-commands.ts";
import { addProviderCommands } from "./provider-commands.ts";
import { addRequestBodyCommands } from "./request-body-commands.ts";
import { addResilienceCommands } from "./resilience-commands.ts";
import { addRouteCommands } from "./route-commands.ts";
import { addRpcCommands } from "./rpc-command.ts";
import { addSessionCommands } from "./session-commands.ts";
import { addStatsCommand } from "./stats-command.ts";
import { addTenantCommands } from "./tenant-commands.ts";
import { addTopicCommands } from "./topic-commands.ts";
import { addUpCommand } from "./up-command.ts";
import { addUserCommands } from "./user-commands.ts";
import { addWebhookCommands } from "./webhook-commands.ts";
import { addWorkflowCommands } from "./workflow-commands.ts";

/**
 * Runs a command of `lyss` to its end and gives its exit code. What a person did wrong is told in a sentence, without a stack; only a
 * fault of ours shows where it is.
 */
export async function runCommand(words: readonly string[], deps: CliDeps): Promise<number> {
  try {
    await createProgram(deps).parseAsync(words, { from: "user" });
    return 0;
  } catch (err) {
    // Said by commander already: help that was asked for, or what is wrong with the words.
    if (err instanceof CommanderError) return err.exitCode;
    deps.complain(`lyss: ${describe(err, deps.locale)}\n`);
    return 1;
  }
}

function createProgram(deps: CliDeps): Command {
  const program = new Command("lyss")
    .exitOverride()
    .configureOutput({ writeOut: deps.write, writeErr: deps.complain })
    .description("Lyss: every AI model behind one endpoint, with exact prepaid money.");
  program.version(manifest.version, "-V, --version");
  addUpCommand(program, deps);
  addKeyCommands(program, deps);
  addClientCommands(program, deps);
  addTenantCommands(program, deps);
  addGroupCommands(program, deps);
  addProviderCommands(program, deps);
  addModelCommands(program, deps);
  addCredentialCommands(program, deps);
  addMcpCommands(program, deps);
  addAgentCommands(program, deps);
  addRouteCommands(program, deps);
  addModelLimitCommands(program, deps);
  addCallDefaultsCommands(program, deps);
  addCacheCommands(program, deps);
  addPromptCommands(program, deps);
  addBatchCommands(program, deps);
  addGuardrailCommands(program, deps);
  addFeedbackCommands(program, deps);
  addRequestBodyCommands(program, deps);
  addExportCommands(program, deps);
  addMoneyCommands(program, deps);
  addBillingCommands(program, deps);
  addPriceCommands(program, deps);
  addPlanCommands(program, deps);
  addInvoiceCommands(program, deps);
  addBudgetCommands(program, deps);
  addOrderCommands(program, deps);
  addCodeCommands(program, deps);
  addResilienceCommands(program, deps);
  const events = addEventCommands(program, deps);
  addTopicCommands(events, deps);
  addWebhookCommands(program, deps);
  addUserCommands(program, deps);
  addSessionCommands(program, deps);
  addStatsCommand(program, deps);
  addAuditCommands(program, deps);
  addWorkflowCommands(program, deps);
  addDemoCommand(program, deps);
  addDoctorCommand(program, deps);
  addRpcCommands(program, deps);
  program
    .command("version")
    .description("print the version")
    .option("--json", "print JSON")
    .action((options) => {
      const facts = { version: manifest.version, node: process.version };
      deps.write(options.json ? `${JSON.stringify(facts)}\n` : `lyss ${facts.version} (Node ${facts.node})\n`);
    });
  return program;
}

/** What a person can act on, without a stack; the stack only where the fault is ours. */
function describe(err: unknown, language: Locale): string {
  if (err instanceof AggregateError) return err.errors.map((each) => describe(each, language)).join("\nlyss: ");
  if (isFailure(err)) {
    const text = failureText(err.type, err.details, language);
    return err.cause === undefined ? text : `${text}\n  ${describe(err.cause, language)}`;
  }
  // A fault of the program shows where it is; everything else is for the person who runs it.
  const isBug = err instanceof TypeError || err instanceof ReferenceError || err instanceof RangeError;
  return err instanceof Error && !isBug ? err.message : err instanceof Error ? (err.stack ?? err.message) : String(err);
}
