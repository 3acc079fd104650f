import { pino } from "pino";
import { systemClock } from "../../service/clock.ts";
import { openSpool } from "../spool.ts";

// Run as `appender.ts <root> append`: appends for ever and prints what is written. `adopt`: prints what it recovers, and drops it.
const [, , root = "", task] = process.argv;
const { spool, recovered } = openSpool({
  root,
  clock: systemClock,
  log: pino({ level: "silent" }),
  segmentBytes: 4_000,
});

if (task === "adopt") {
  for (const entry of recovered) {
    process.stdout.write(`${Buffer.from(entry.record).toString().trimEnd()}\n`);
    spool.drop(entry);
  }
  await spool.close();
} else {
  let number = 0;
  const appendForEver = async () => {
    for (;;) {
      const text = `${process.pid}.${number++}`;
      spool.append(Buffer.from(text));
      await spool.written();
      process.stdout.write(`${text}\n`);
    }
  };
  for (let i = 0; i < 10; i++) void appendForEver();
}
