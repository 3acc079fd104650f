import { once } from "node:events";
import { connect } from "node:net";
import { createServer } from "node:tls";
import { createTestCertificate } from "@lyss/kit/testing/certificate.ts";

/** TLS before a listener that has none, with a certificate that nobody vouches for; ends with the test. Gives its `https://` address. */
export async function startTlsFront(t: { after(work: () => Promise<void>): void }, url: string): Promise<string> {
  const { privateKey: key, certificate: cert } = createTestCertificate();
  const behindPort = Number(new URL(url).port);
  const front = createServer({ key, cert }, (socket) => {
    const behind = connect(behindPort, "127.0.0.1");
    socket.on("error", () => behind.destroy()).pipe(behind);
    behind.on("error", () => socket.destroy()).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  t.after(async () => void front.close());
  const { port } = front.address() as { port: number };
  return `https://127.0.0.1:${port}`;
}
