import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { z } from "zod";
import { type CheckedRpc, createRpc, type Handlers, type MethodInputs } from "../rpc/checked-rpc.ts";

/** An implementation whose requests may be anything, for tests of what is around it. A method that is not given is unimplemented. */
export function openRpc<Contract extends DescService>(
  contract: Contract,
  implementation: Partial<ServiceImpl<Contract>>,
): CheckedRpc<Contract> {
  const inputs = Object.fromEntries(
    contract.methods.map((method) => [
      method.localName,
      Object.fromEntries(method.input.fields.map(({ localName }) => [localName, z.any()])),
    ]),
  ) as unknown as MethodInputs<Contract>;
  return createRpc(contract, inputs, implementation as unknown as Handlers<Contract, MethodInputs<Contract>>);
}
