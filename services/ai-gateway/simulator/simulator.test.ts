import { systemClock } from "@lyss/kit/service/clock.ts";
import { describeOpenAiConformance } from "./openai-conformance.ts";
import { startSimulator } from "./simulator.ts";

describeOpenAiConformance("the simulated provider itself", async () => {
  const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-simulated" });
  return { baseUrl: `${simulator.url}/v1`, apiKey: "sk-simulated", stop: simulator.stop };
});
