import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import type { CliDeps } from "./context.ts";
import { print, toTable } from "./print.ts";

/** `lyss doctor`: what is wrong with an installation, and what to do about it. */
export function addDoctorCommand(program: Command, deps: CliDeps): void {
  program
    .command("doctor")
    .description("check this installation and say what to mend")
    .option("--config <file>", "configuration file (LYSS_CONFIG; else ./lyss.yaml if there is one)")
    .option("--data-dir <dir>", "data directory (LYSS_DATA_DIR)")
    .option("--url <url>", "address of a running platform (LYSS_URL)")
    .option("--json", "print JSON")
    .action(async (options) => {
      // Loaded when it is asked for: it reads the configuration of every service.
      const { examine } = await import("./examine.ts");
      const findings = await examine(deps, options);
      print({ write: deps.write, isJson: options.json === true }, findings, (list) =>
        toTable(
          ["CHECK", "", "DETAIL"],
          list.map((finding) => [
            finding.check,
            finding.ok ? (finding.isWarning ? "warn" : "ok") : "FAIL",
            finding.detail,
          ]),
        ),
      );
      const failed = findings.filter((finding) => !finding.ok).length;
      if (failed > 0) throw new CommandError(`${failed} of ${findings.length} checks failed.`);
    });
}
