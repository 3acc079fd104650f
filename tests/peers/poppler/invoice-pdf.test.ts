import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { createPdfMaking } from "@lyss/services/billing/invoices/pdf/make-pdf.ts";
import { sampleInvoice } from "@lyss/services/billing/invoices/testdata/sample-invoice.ts";

const folder = createTempFolder({ after });
const makePdf = createPdfMaking();

/** What a program of poppler says of a PDF; anything that it complains of fails the test. */
function ask(program: string, pdf: Buffer, ...options: readonly string[]): string {
  const path = join(folder, "document.pdf");
  writeFileSync(path, pdf);
  const target = program === "pdftotext" ? [path, "-"] : [path];
  const { status, stdout, stderr } = spawnSync(program, [...options, ...target], { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""], program);
  return stdout;
}

test("poppler reads the text of an invoice in both languages, Chinese characters included", () => {
  const chinese = ask(
    "pdftotext",
    makePdf({ kind: "invoice", invoice: sampleInvoice(20), locale: "zh_CN" }),
    "-layout",
  );
  for (const part of ["账单", "用量合计", "期末余额", "发票", "上海测试科技发展有限公司", "月之暗面", "输入 token"]) {
    assert.ok(chinese.includes(part), part);
  }
  assert.match(chinese, /第 1 页，共 \d+ 页/);
  const english = ask(
    "pdftotext",
    makePdf({ kind: "invoice", invoice: sampleInvoice(20), locale: "en_US" }),
    "-layout",
  );
  assert.match(english, /Input tokens +123,456,789 +0\.15 +18\.5185183500/);
  assert.match(english, /Closing balance +98\.7654321/);
  assert.match(english, /Page 1 of \d+/);
});

test("an invoice has a title, a language and tags, and carries its fonts as subsets that say what their glyphs mean", () => {
  const pdf = makePdf({ kind: "invoice", invoice: sampleInvoice(3), locale: "zh_CN" });
  const facts = ask("pdfinfo", pdf);
  assert.match(facts, /^Title: +账单 2026-000001$/m);
  assert.match(facts, /^Tagged: +yes$/m);
  assert.match(facts, /^CreationDate: +Sun Nov {2}1 01:00:05 2026/m);
  const structure = ask("pdfinfo", pdf, "-struct-text");
  assert.match(structure, /Table[^"]*TR[^"]*TH[^"]*"汇总"/);
  for (const line of ask("pdffonts", pdf).trim().split("\n").slice(2)) {
    assert.match(line, /^[A-Z]{6}\+NotoSansSC-(Regular|Bold) +CID TrueType +Identity-H +yes yes yes/);
  }
});

test("a long invoice is some hundred pages that can all be read, and a longer one shows less of each line", () => {
  const long = makePdf({ kind: "invoice", invoice: sampleInvoice(800), locale: "en_US" });
  const pages = Number(/^Pages: +(\d+)$/m.exec(ask("pdfinfo", long))?.[1]);
  assert.ok(pages > 50 && pages < 200, String(pages));
  assert.equal(ask("pdftotext", long, "-layout").match(/Output tokens/g)?.length, 800);
  const longer = ask(
    "pdftotext",
    makePdf({ kind: "invoice", invoice: sampleInvoice(2_000), locale: "en_US" }),
    "-layout",
  );
  assert.equal(longer.match(/Output tokens/g), null);
  assert.match(longer, /the CSV file has them all/);
});
