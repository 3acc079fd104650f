import type { DescService } from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "./gen/google/rpc/error_details_pb.js";
import { ServerReflection, type ServerReflectionRequest } from "./gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { PeerRouter } from "./peer-router.ts";
import { createReflectionFiles, encodeFile, type ReflectionFiles } from "./reflection-files.ts";

type Question = ServerReflectionRequest["messageRequest"];

/** Questions that one stream may ask. A client that looks at every file of a large program asks some hundred. */
const maxQuestions = 10_000;

/**
 * Serves `grpc.reflection.v1` and `v1alpha` on the router: what is mounted when somebody asks, with the details of errors.
 * Whoever may call the services may see what they are; the router asks for the token as for every call.
 */
export function mountReflection(router: PeerRouter): void {
  const implementation = createReflection(router.listMounted);
  router.mount(ServerReflection, implementation);
  // The two versions are the same on the wire, field by field; their types differ by name only.
  router.mount(ServerReflectionAlpha, implementation as unknown as ServiceImpl<typeof ServerReflectionAlpha>);
}

function createReflection(listMounted: () => readonly DescService[]): ServiceImpl<typeof ServerReflection> {
  return {
    async *serverReflectionInfo(requests) {
      const files = createReflectionFiles();
      files.add(file_google_rpc_error_details);
      let asked = 0;
      for await (const { host, messageRequest } of requests) {
        const mounted = listMounted();
        for (const { file } of mounted) files.add(file);
        // A copy without its type's name, which is that of one version.
        const originalRequest = { host, messageRequest };
        if (++asked > maxQuestions) {
          yield {
            validHost: host,
            originalRequest,
            messageResponse: refuse(Code.ResourceExhausted, "ask on a new stream"),
          };
          return;
        }
        yield { validHost: host, originalRequest, messageResponse: answer(messageRequest, files, mounted) };
      }
    },
  };
}

function answer(question: Question, files: ReflectionFiles, mounted: readonly DescService[]) {
  switch (question.case) {
    case "listServices": {
      const service = mounted.map(({ typeName }) => ({ name: typeName })).sort((a, b) => (a.name < b.name ? -1 : 1));
      return { case: "listServicesResponse", value: { service } } as const;
    }
    case "fileByFilename":
      return describeFile(files.byName(question.value), question.value);
    case "fileContainingSymbol":
      return describeFile(files.bySymbol(question.value), question.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const file = files.extensionsOf(containingType)?.get(extensionNumber);
      return describeFile(file, `${containingType} ${extensionNumber}`);
    }
    case "allExtensionNumbersOfType": {
      const known = files.extensionsOf(question.value);
      if (!known) return refuse(Code.NotFound, `${shorten(question.value)} is not known here`);
      const value = { baseTypeName: question.value, extensionNumber: [...known.keys()] };
      return { case: "allExtensionNumbersResponse", value } as const;
    }
    default:
      return refuse(Code.InvalidArgument, "ask for a file, a symbol, an extension or the list of services");
  }
}

function describeFile(file: Parameters<typeof encodeFile>[0] | undefined, wanted: string) {
  if (!file) return refuse(Code.NotFound, `${shorten(wanted)} is not known here`);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: encodeFile(file) } } as const;
}

function refuse(errorCode: Code, errorMessage: string) {
  return { case: "errorResponse", value: { errorCode, errorMessage } } as const;
}

function shorten(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
}
