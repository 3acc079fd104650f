import { parentPort } from "node:worker_threads";
import { createPdfMaking } from "./make-pdf.ts";
import type { PdfJob, PdfResult } from "./pdf-maker.ts";

const makePdf = createPdfMaking();

parentPort?.on("message", ({ number, request }: PdfJob) => {
  const answer = (result: PdfResult) => parentPort?.postMessage(result);
  try {
    answer({ number, bytes: makePdf(request) });
  } catch (err) {
    answer({ number, message: err instanceof Error ? (err.stack ?? err.message) : String(err) });
  }
});
