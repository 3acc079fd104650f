import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { generateProtobuf } from "./protobuf.ts";

const root = mkdtempSync(join(tmpdir(), "lyss-protobuf-"));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, "contracts/proto"), { recursive: true });
const options = "plugins:\n  - local: protoc-gen-es\n    out: gen\n    opt: [target=js+dts, import_extension=js]\n";
writeFileSync(join(root, "contracts/buf.gen.yaml"), `version: v2\ninputs:\n  - directory: proto\n${options}`);
const writeProto = (text: string) => writeFileSync(join(root, "contracts/proto/bin.proto"), text);

test("each folder with a buf.gen.yaml gets code for its protos, and owns its gen folder", async () => {
  writeProto('syntax = "proto3";\npackage bin;\nmessage Bin {\n  string bin_id = 1;\n}\n');
  const { texts, folders } = await generateProtobuf(root);
  assert.deepEqual([...texts.keys()], ["contracts/gen/bin_pb.d.ts", "contracts/gen/bin_pb.js"]);
  assert.match(texts.get("contracts/gen/bin_pb.d.ts") ?? "", /binId: string/);
  assert.deepEqual(folders, ["contracts/gen"]);
});

test("a proto that does not compile is an error in buf's own words", async () => {
  writeProto('syntax = "proto3";\nmessage Bin { strin bin_id = 1; }\n');
  await assert.rejects(generateProtobuf(root), /^Error: buf generate in contracts\n.*bin\.proto:2/);
});
