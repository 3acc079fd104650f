import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus } from "./gen/grpc/health/v1/health_pb.js";

/** The standard `grpc.health.v1` service. `isServing` answers undefined for a service that is not hosted here. */
export function createHealthService(
  isServing: (service: string) => boolean | undefined,
): Pick<ServiceImpl<typeof Health>, "check"> {
  return {
    check({ service }) {
      const answer = isServing(service);
      if (answer === undefined) throw new ConnectError(`'${service}' is not hosted here`, Code.NotFound);
      const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
      return { status: answer ? SERVING : NOT_SERVING };
    },
  };
}
