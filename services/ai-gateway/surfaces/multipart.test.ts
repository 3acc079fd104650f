import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { openAiWire } from "../providers/openai.ts";
import { askWithForm } from "./ask-for-media.ts";
import { readForm, withField, withFields } from "./multipart.ts";

const type = "multipart/form-data; boundary=----b";
const crlf = (text: string) => Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");
const part = (head: string, text: string) => `------b\nContent-Disposition: form-data; ${head}\n\n${text}\n`;
const file = part('name="file"; filename="a; name=\\"x\\".mp3"', "\u0000------\nID3");
const words = part('name="timestamp_granularities[]"', "word") + part('name="timestamp_granularities[]"', "segment");

test("W48: fields are found wherever they stand, and everything but another model's name goes on byte for byte", () => {
  const body = crlf(`${file}${words}${part('name="model"', "alias")}------b--\n`);
  const form = readForm(body, type);
  assert.deepEqual(
    form.parts.map(({ name, fileName, start, end }) => [name, fileName, body.toString("latin1", start, end)]),
    [
      ["file", 'a; name=\\"x\\".mp3', "\u0000------\r\nID3"],
      ["timestamp_granularities[]", undefined, "word"],
      ["timestamp_granularities[]", undefined, "segment"],
      ["model", undefined, "alias"],
    ],
  );
  assert.equal(
    withField(form, "model", "whisper-1").toString("latin1"),
    body.toString("latin1").replace("\r\n\r\nalias\r\n", "\r\n\r\nwhisper-1\r\n"),
  );

  const { model, asked, readFor } = askWithForm("transcriptions", body, type, true);
  assert.equal(model, "alias");
  const { request } = readFor({ dialect: "openai", source: "config", serverTools: false });
  assert.deepEqual(request.json["timestamp_granularities[]"], ["word", "segment"]);
  const target = { name: "alias", upstreamName: "alias" } as Parameters<typeof openAiWire.draft>[1];
  const draft = openAiWire.draft(request, target);
  assert.deepEqual([draft.endpoint, draft.headers], ["/audio/transcriptions", { "content-type": type }]);
  assert.equal(draft.toBody(undefined), body);

  // The same call by a client that has drawn another boundary, and another one.
  const redrawn = Buffer.from(body.toString("latin1").replaceAll("------b", "------c"), "latin1");
  const again = (bytes: Buffer) =>
    askWithForm("transcriptions", bytes, type.replace("----b", "----c"), true).asked.body;
  assert.deepEqual(again(redrawn), asked.body);
  const other = Buffer.from(redrawn.toString("latin1").replace("ID3", "ID4"), "latin1");
  assert.notDeepEqual(again(other), asked.body);
});

test("W48: another form has its own fields and the same file, whatever the file is called or holds", () => {
  const form = readForm(crlf(`${file}${words}------b--\n`), type);
  const [sound] = form.parts;
  assert.ok(sound);
  const other = withFields(form, { model_id: "----b", language_code: "de" }, sound);
  const { parts } = readForm(other, form.contentType);
  assert.deepEqual(
    parts.map(({ name, fileName, start, end }) => [name, fileName, other.toString("latin1", start, end)]),
    [
      ["model_id", undefined, "----b"],
      ["language_code", undefined, "de"],
      ["file", "sound.mp3", "\u0000------\r\nID3"],
    ],
  );
  for (const fileName of ["", "no-extension", 'a".\r\nx: y', "b.way-too-long-to-be-one"]) {
    const named = withFields(form, {}, { ...sound, fileName });
    assert.equal(readForm(named, form.contentType).parts[0]?.fileName, "sound", fileName);
  }
});

test("W48: a form that two readers could read in two ways, or that is cut, is refused and never hangs", () => {
  const model = part('name="model"', "m");
  const refused: readonly (readonly [string, string])[] = [
    [type, `${file}${model}`],
    [type, `${file}${model}${model}------b--`],
    [type, `${part('name="file"; name="model"; filename="a"', "x")}${model}------b--`],
    [type, `${part('filename="a"', "x")}${model}------b--`],
    [type, `${model}------b--`],
    [type, `${part('name="file"; filename="a"', "")}${model}------b--`],
    [type, `${file}${file}${model}------b--`],
    [type, `${file}------bx\n\nm\n------b--`],
    [type, model.repeat(300)],
    [type, ""],
    ["multipart/form-data", `${file}${model}------b--`],
    ["application/json", "{}"],
  ];
  for (const [contentType, text] of refused) {
    assert.throws(() => askWithForm("transcriptions", crlf(text), contentType, false), isFailure, text);
  }
  const body = crlf(`preamble\n${file}${model}------b--`);
  assert.equal(readForm(body, 'Multipart/Form-Data; charset=utf-8; boundary="----b"').parts.length, 2);
  for (let length = 0; length < body.length; length++) {
    assert.throws(() => readForm(body.subarray(0, length), type), isFailure, String(length));
  }
});
