/** A masked frame of a client's, as RFC 6455 (5.2) has it. */
export function frame(first: number, payload: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(payload.length));
  const head = payload.length < 126 ? [first, 0x80 | payload.length] : [first, 0x80 | 127, ...length];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}
