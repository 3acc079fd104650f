import { CommandError } from "./api-client.ts";

const nanosPerUsd = 1_000_000_000n;

/** Nano-dollars of a decimal such as 0.15, exactly. Throws a CommandError for anything else. */
export function parseUsd(text: string): bigint {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  if (match?.[1] === undefined) {
    throw new CommandError(`${text}: write dollars as a decimal with at most nine places, such as 0.15.`);
  }
  return BigInt(match[1]) * nanosPerUsd + BigInt((match[2] ?? "").padEnd(9, "0"));
}

/** `0.15` for 150000000, exactly. */
export function formatUsd(nanos: bigint | string): string {
  return formatNanos(nanos).replace(/\.?0+$/, "");
}

/** `0.150000000` for 150000000: all nine places, for columns. */
export function formatNanos(nanos: bigint | string): string {
  const value = BigInt(nanos);
  const digits = (value < 0n ? -value : value).toString().padStart(10, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

const ppmPerPercent = 10_000;

/** Millionths of a percentage such as 10 or -12.5. Throws a CommandError for anything else. */
export function parsePercent(text: string): number {
  const match = /^-?\d{1,6}(?:\.\d{1,4})?$/.exec(text);
  if (!match) throw new CommandError(`${text}: write a percentage with at most four places, such as 10 or -12.5.`);
  return Math.round(Number(text) * ppmPerPercent);
}

export function formatPercent(ppm: unknown): string {
  return `${Number(ppm) / ppmPerPercent} %`;
}
