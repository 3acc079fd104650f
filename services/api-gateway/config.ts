import { z } from "zod";

/** Section `http` of the configuration: the one public listener. */
export const apiGatewayConfig = {
  http: z
    .strictObject({
      /** Address to listen on; 0.0.0.0 for every interface. */
      host: z.string().min(1).max(255).default("127.0.0.1"),
      /** 0 lets the system choose. */
      port: z.int().min(0).max(65_535).default(8_080),
      /** Where error pages are described; `doc_url` of an error is this and the code in lower case. */
      docBaseUrl: z.url().max(500).default("https://github.com/lyss-ai/lyss/blob/main/docs/errors.md#"),
    })
    .prefault({}),
};
