import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import {
  asked,
  citySchema,
  type Feature,
  features,
  image,
  showsThoughts,
  thought,
} from "../../conformance/clients/client.ts";
import { holdPart, type Row, toTable } from "../../conformance/conformance-page.ts";
import { runVendorPlatform } from "../../conformance/vendor-platform.ts";

interface Tried {
  readonly package: string;
  readonly name: string;
  readonly vendor: string;
  readonly feature: Feature;
  readonly error?: string;
}

// The SDKs run in one process of Python, and say of each thing that they were asked to do whether they could.
const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const packages = execFileSync("python3", [fileOf("python-packages.py")], { encoding: "utf8" }).trim();
const { platform, vendors, placeOf, untilLeft } = await runVendorPlatform({ after });
const python = spawn("python3", [fileOf("sdk_matrix.py")], {
  env: { PATH: process.env["PATH"] ?? "", PYTHONPATH: packages, PYTHONUTF8: "1" },
  stdio: ["pipe", "pipe", "inherit"],
});
python.stdin.end(
  JSON.stringify({
    ...{ url: platform.url, apiKey: platform.apiKey, asked, thought, schema: citySchema, image },
    features: Object.keys(features),
    promptTokens: countSimulatedPrompt([{ role: "user", content: asked.text }]),
    places: vendors.map((vendor) => {
      const { model, vectorModel = null } = placeOf(vendor);
      return { vendor: vendor.name, model, vectorModel, showsThoughts: showsThoughts(vendor) };
    }),
  }),
);
const lines = (await text(python.stdout)).split("\n").filter((line) => line !== "");
const tried: readonly Tried[] = lines.map((line) => JSON.parse(line));

for (const { package: library, name, vendor, feature, error } of tried) {
  test(`Python's ${library} (${name}) at ${vendor}: ${feature}`, () => assert.equal(error, undefined));
}

test("streams that Python's SDKs left have ended at the vendors", untilLeft);

test("docs/conformance.md says what was found with Python", () => {
  const requirements = readFileSync(fileOf("requirements.txt"), "utf8");
  const clients = Map.groupBy(tried, ({ package: library, name }) => `${library} ${name}`);
  const rows = [...clients.values()].map((own): Row<Feature> => {
    const [{ package: library = "", name = "" } = {}] = own;
    const [, version = ""] = new RegExp(`^${library}==(.+)$`, "m").exec(requirements) ?? [];
    const cells = vendors.map((vendor) =>
      own.flatMap((one) => (one.vendor === vendor.name && one.error === undefined ? [one.feature] : [])),
    );
    return { client: { package: library, name }, version, cells };
  });
  assert.ok(rows.length > 0, "Python's SDKs did nothing");
  holdPart(
    "python",
    toTable(
      features,
      vendors.map(({ name }) => name),
      rows,
    ),
  );
});
