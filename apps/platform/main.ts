import { pause } from "@lyss/kit/service/clock.ts";
import { runCommand } from "./cli/run-command.ts";
import { environment } from "./environment.ts";
import { localeOf } from "./locale.ts";

process.exitCode = await runCommand(process.argv.slice(2), {
  env: environment,
  locale: localeOf(environment),
  write: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
  readInput: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  },
  pause,
});
