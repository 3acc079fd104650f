import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { createScope } from "./world.ts";

/** A program's address for logout tokens, with an answer that the test chooses. */
export async function startLogoutReceiver(scope: ReturnType<typeof createScope>) {
  const tokens: string[] = [];
  const receiver = { url: "", status: 200, tokens };
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const isForm = req.method === "POST" && req.headers["content-type"] === "application/x-www-form-urlencoded";
    if (isForm) tokens.push(new URLSearchParams(Buffer.concat(chunks).toString()).get("logout_token") ?? "");
    res.writeHead(receiver.status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(async () => void server.close());
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout`;
  return receiver;
}
