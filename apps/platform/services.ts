import type { AnyService } from "@lyss/kit/service/define-service.ts";
import { aiGateway } from "@lyss/services/ai-gateway/service.ts";
import { apiGateway } from "@lyss/services/api-gateway/service.ts";
import { audit } from "@lyss/services/audit/service.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { credential } from "@lyss/services/credential/service.ts";
import { event } from "@lyss/services/event/service.ts";
import { group } from "@lyss/services/group/service.ts";
import { sso } from "@lyss/services/sso/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { user } from "@lyss/services/user/service.ts";
import { workflow } from "@lyss/services/workflow/service.ts";

/** Every service of the program. Each process hosts all of them, or those named by `--run`. */
export const services: readonly AnyService[] = [
  aiGateway,
  apiGateway,
  audit,
  auth,
  billing,
  credential,
  event,
  group,
  sso,
  tenant,
  user,
  workflow,
];
