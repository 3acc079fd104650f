import { z } from "zod";

/** Section `http` of the configuration: the one public listener. */
export const apiGatewayConfig = {
  http: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .max(255)
        .default("127.0.0.1")
        .describe("Address to listen on; 0.0.0.0 for every interface."),
      port: z.int().min(0).max(65_535).default(8_080).describe("Port to listen on; 0 lets the system choose."),
      docBaseUrl: z
        .url()
        .max(500)
        .default("https://github.com/lyss-ai/lyss/blob/main/docs/errors.md#")
        .describe("Where errors are explained: `doc_url` of an error is this and its code, such as `billing-001`."),
      exposeMetrics: z
        .boolean()
        .default(true)
        .describe("Whether `/metrics` is answered on this listener, to whoever asks; false answers 404."),
    })
    .prefault({}),
};
