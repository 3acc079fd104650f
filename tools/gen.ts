import { generateConsoleClient } from "./console-client.ts";
import { generateConfigurationDocs } from "./docs-configuration.ts";
import { generateErrorDocs } from "./docs-errors.ts";
import { writeGenerated } from "./generated.ts";
import { generateOpenApi } from "./open-api.ts";
import { generateProtobuf } from "./protobuf.ts";
import { repositoryRoot } from "./source-tree.ts";
import { generateTopology } from "./topology.ts";

// In this order: the services that the later generators load import the code that the first one writes.
for (const generate of [
  generateProtobuf,
  generateTopology,
  generateOpenApi,
  generateConsoleClient,
  generateErrorDocs,
  generateConfigurationDocs,
]) {
  for (const path of writeGenerated(repositoryRoot, await generate(repositoryRoot))) console.log(path);
}
