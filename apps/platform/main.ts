import { failureText, isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import { pause } from "@lyss/kit/service/clock.ts";
import { Command } from "commander";
import { addBillingCommands } from "./cli/billing-commands.ts";
import { addBudgetCommands } from "./cli/budget-commands.ts";
import { addCodeCommands } from "./cli/code-commands.ts";
import type { CliDeps } from "./cli/context.ts";
import { addDoctorCommand } from "./cli/doctor-command.ts";
import { addEventCommands } from "./cli/event-commands.ts";
import { addInvoiceCommands } from "./cli/invoice-commands.ts";
import { addKeyCommands } from "./cli/key-commands.ts";
import { addMoneyCommands } from "./cli/money-commands.ts";
import { addOrderCommands } from "./cli/order-commands.ts";
import { addPlanCommands } from "./cli/plan-commands.ts";
import { addPriceCommands } from "./cli/price-commands.ts";
import { addProviderCommands } from "./cli/provider-commands.ts";
import { addResilienceCommands } from "./cli/resilience-commands.ts";
import { addRpcCommands } from "./cli/rpc-command.ts";
import { addTopicCommands } from "./cli/topic-commands.ts";
import { addUpCommand } from "./cli/up-command.ts";
import { addWorkflowCommands } from "./cli/workflow-commands.ts";
import { environment } from "./environment.ts";
import { localeOf } from "./locale.ts";
import manifest from "./package.json" with { type: "json" };

const locale = localeOf(environment);
const deps: CliDeps = {
  env: environment,
  locale,
  write: (text) => void process.stdout.write(text),
  readInput: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  },
  pause,
};

const program = new Command("lyss").description("Lyss: every AI model behind one endpoint, with exact prepaid money.");
program.version(manifest.version, "-V, --version");
addUpCommand(program, deps);
addKeyCommands(program, deps);
addProviderCommands(program, deps);
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
addWorkflowCommands(program, deps);
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

try {
  await program.parseAsync();
} catch (err) {
  process.stderr.write(`lyss: ${describe(err, locale)}\n`);
  process.exitCode = 1;
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
