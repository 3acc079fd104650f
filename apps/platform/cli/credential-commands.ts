import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields } from "./print.ts";

const path = "/admin/credentials/re-encryption";

/** `lyss credentials re-encrypt`; for operators. */
export function addCredentialCommands(program: Command, deps: CliDeps): void {
  const credentials = program.command("credentials").description("secrets of providers, for operators");
  withConnection(
    credentials.command("re-encrypt").description("give every tenant a new data key and seal all secrets anew"),
  )
    .option("--status", "only say how many are left")
    .action(async ({ status, ...options }) => {
      const { api, output } = connect(deps, options);
      const said = await (status ? api.send("GET", path) : api.send("POST", path, {}));
      print(output, said, ({ retired_keys: keys, secrets_left: left }) =>
        toFields({ "retired keys": keys, "secrets left": left }),
      );
    });
}
