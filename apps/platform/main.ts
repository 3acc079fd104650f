// First of all: what was compiled before would not know.
import "./no-pretenuring.ts";
import { pause } from "@lyss/kit/service/clock.ts";
import { runCommand } from "./cli/run-command.ts";
import { environment } from "./environment.ts";
import { localeOf } from "./locale.ts";

const args = process.argv.slice(2);

process.stdout.on("error", (err: NodeJS.ErrnoException) => {
  if (err.code !== "EPIPE") throw err;
  // Whoever read what a command prints has gone, as `head` does. The platform itself goes on unread.
  if (args[0] !== "up") process.exit();
});

process.exitCode = await runCommand(args, {
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
