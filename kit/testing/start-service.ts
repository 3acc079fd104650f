import type { DescService } from "@bufbuild/protobuf";
import type { ConfigSections, Needs, ServiceDefinition } from "../service/define-service.ts";
import { sharedServerUrl } from "./postgres.ts";
import { type StartedService, type StartOptions, startServiceOn } from "./service-on.ts";
import type { TestScope } from "./test-cluster.ts";

/** As `startServiceOn`, on the server that all tests share. */
export async function startTestService<Contract extends DescService, N extends Needs, C extends ConfigSections, Ops>(
  t: TestScope,
  definition: ServiceDefinition<Contract, N, C, Ops>,
  options: StartOptions<N, C>,
): Promise<StartedService<Contract, Ops>> {
  return startServiceOn(await sharedServerUrl(), t, definition, options);
}
