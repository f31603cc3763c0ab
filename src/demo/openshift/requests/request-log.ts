import type { RequestListener } from "node:http";
import type { Route } from "../routes.ts";
import type { AccessControl } from "./access.ts";
import { type ApiRequest, readRequest, sortOf } from "./api-request.ts";
import { commit, type Faults } from "./faults.ts";

/** A request that arrived. */
export interface RecordedRequest extends ApiRequest {
  readonly user?: string;
  /** The answer's; absent while there is none. */
  readonly status?: number;
}

/** The front of the server: remembers every request (the last 10,000), lets it fail or has it answered. */
export interface RequestLog {
  readonly requests: readonly RecordedRequest[];
  readonly handle: RequestListener;
}

const limit = 10_000;

export function createRequestLog(access: AccessControl, faults: Faults, route: Route, onChange: () => void): RequestLog {
  const requests: { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] }[] = [];
  return {
    requests,
    async handle(request, response) {
      const asked = readRequest(request);
      const user = access.userOf(request);
      const record = { ...asked, ...(user && { user }), status: undefined as number | undefined };
      if (requests.length >= limit) requests.splice(0, limit / 10);
      requests.push(record);
      const fault = faults.take(sortOf(asked));
      const answered = fault ? commit(fault, response) : route(asked, user, request, response);
      onChange();
      await answered;
      if (response.headersSent) record.status = response.statusCode;
      onChange();
    },
  };
}
