import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = new URL("../../docs/kit/", import.meta.url);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a text as a module at the root of the repository; gives what it complains of, and its exit code. */
async function runModule(text: string): Promise<readonly [code: number | null, complaint: string]> {
  const args = ["--input-type=module-typescript", "-"];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["pipe", "ignore", "pipe"] });
  const chunks: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(text);
  const [code] = await once(child, "close");
  return [code, Buffer.concat(chunks).toString()];
}

for (const page of readdirSync(folder).filter((name) => name.endsWith(".md"))) {
  const examples = [...readFileSync(new URL(page, folder), "utf8").matchAll(/^```ts run\n([\s\S]*?)^```$/gm)];
  for (const [i, [, text = ""]] of examples.entries()) {
    test(`docs/kit/${page}: example ${i + 1} runs as it is printed`, async () => {
      const [code, complaint] = await runModule(text);
      assert.equal(code, 0, complaint);
    });
  }
}

test("OpenTelemetry's SDK is not loaded by a program that records nothing", async () => {
  const [code, complaint] = await runModule(`
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        if (/^@opentelemetry.(sdk|exporter|resources)/.test(specifier)) throw new Error(specifier + " is loaded by " + context.parentURL);
        return next(specifier, context);
      },
    });
    await import("./apps/platform/up.ts");
  `);
  assert.equal(code, 0, complaint);
});
