import { defineEvent } from "@lyss/kit/events/event.ts";
import { UserCreatedSchema } from "../gen/lyss/user/v1/user_pb.js";

export const userCreated = defineEvent("user.created", UserCreatedSchema, (event) => event.userId);
