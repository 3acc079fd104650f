import type { Command } from "commander";
import { demoTexts } from "../demo/demo-texts.ts";
import type { DemoResult } from "../demo/run-demo.ts";
import { CommandError } from "./api-client.ts";
import type { CliDeps } from "./context.ts";
import { print, toFields } from "./print.ts";
import { formatNanos } from "./usd.ts";

/** Usage is kept for forty days at least. */
const maxDays = 39;
const maxCalls = 200_000;
const slugPattern = /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/;

/** `lyss demo`: data to look at. */
export function addDemoCommand(program: Command, deps: CliDeps): void {
  const words = demoTexts[deps.locale];
  program
    .command("demo")
    .description(words.description)
    .option("--tenant <slug>", words.tenantOption, "demo")
    .option("--days <count>", words.daysOption, "30")
    .option("--calls <count>", words.callsOption, "20000")
    .option("--seed <text>", words.seedOption, "1")
    .option("--close", words.closeOption)
    .option("--config <file>", "configuration file (LYSS_CONFIG; else ./lyss.yaml if there is one)")
    .option("--data-dir <dir>", "data directory (LYSS_DATA_DIR)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  lyss demo\n  lyss demo --tenant small --days 7 --calls 500 --seed 2\n  lyss demo --close",
    )
    .action(async (options) => {
      const slug: string = options.tenant;
      if (!slugPattern.test(slug)) throw new CommandError(words.badSlug(slug));
      const days = toNumber(deps, "--days", options.days, maxDays);
      const calls = toNumber(deps, "--calls", options.calls, maxCalls);
      // Loaded when it is asked for: it reads every service.
      const { runDemo } = await import("../demo/run-demo.ts");
      const { seed, config, dataDir } = options;
      const asked = { tenant: slug, days, calls, seed, config, dataDir, isClosing: options.close === true };
      const result = await runDemo(deps, asked);
      print({ write: deps.write, isJson: options.json === true }, toJson(slug, result), () =>
        toText(deps, slug, result),
      );
    });
}

function toNumber({ locale }: CliDeps, option: string, text: string, max: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new CommandError(demoTexts[locale].notANumber(option, 1, max));
}

function toJson(slug: string, result: DemoResult) {
  const named = { state: result.state, tenant: slug, tenant_id: result.tenantId };
  if (result.state === "closed") return named;
  const { ownerEmail: email } = result;
  if (result.state === "there") return { ...named, email, open: result.isOpen };
  const { password, apiKey: api_key, attempts, costNanos } = result;
  return { ...named, email, password, api_key, attempts, cost_nanos: costNanos.toString() };
}

function toText({ locale }: CliDeps, slug: string, result: DemoResult): string {
  const words = demoTexts[locale];
  if (result.state === "closed") return words.closed(slug);
  const { ownerEmail: email } = result;
  if (result.state === "there") {
    return `${result.isOpen ? words.there(slug) : words.closedBefore(slug)}\n\n${toFields({ tenant: slug, email })}`;
  }
  const { password, apiKey, attempts, costNanos } = result;
  const fields = toFields({ tenant: slug, email, password, "api key": apiKey });
  return `${words.filled(attempts, formatNanos(costNanos.toString()))}\n\n${fields}\n\n${words.shownOnce}`;
}
