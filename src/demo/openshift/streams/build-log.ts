import type { ServerResponse } from "node:http";
import type { StoredObject } from "../objects/object-store.ts";
import { ApiError, badRequest, logTimeout, plainStatus } from "../requests/api-status.ts";
import type { LogStreams } from "./log-streams.ts";

/** A build's log: a text, an endless one, none because its pod is gone, or an error. */
export type BuildLog =
  | string
  | { readonly endless: true }
  | { readonly pod: "gone" }
  | { readonly status: number; readonly message: string };

/** Answers a request for the log of a build that has started; an endless one until `streams` closes it. Throws `ApiError`. */
export function sendLog(
  response: ServerResponse,
  build: string,
  log: BuildLog,
  query: Readonly<Record<string, string>>,
  streams: Pick<LogStreams, "add">,
): void {
  if (typeof log === "object" && "status" in log) throw new ApiError(plainStatus(log.status, log.message));
  if (typeof log === "object" && "pod" in log) throw new ApiError(badRequest(`pods "${build}-build" not found`));
  response.writeHead(200, { "content-type": "text/plain" });
  if (typeof log === "string") return void response.end(limited(log, query));
  streams.add(response);
  sendForEver(response);
}

/** The default log of a build. */
export function usualLog(build: StoredObject): string {
  const { spec, status } = JSON.parse(build.json);
  const source = spec?.source?.git?.uri;
  const output = status?.outputDockerImageReference;
  const digest = status?.output?.to?.imageDigest;
  return [
    ...(source ? [`Cloning "${source}" ...`] : []),
    ...(output ? [`Pushing image ${output} ...`, "Writing manifest to image destination"] : []),
    ...(output && digest ? [`Successfully pushed ${output.replace(/:[^/:]*$/, "")}@${digest}`] : []),
    ...(output ? ["Push successful"] : ["Build complete, no image push requested"]),
    "",
  ].join("\n");
}

/** Whether a build has begun to write a log. Throws `ApiError` if it never will (openshift-apiserver, registry/buildlog). */
export function hasStarted(build: StoredObject): boolean {
  const phase = build.fields.status;
  if (phase === "Cancelled") throw new ApiError(badRequest(`build ${build.name} was cancelled. No logs are available.`));
  if (phase === "Error") throw new ApiError(badRequest(`build ${build.name} is in an error state. No logs are available.`));
  return phase !== "New" && phase !== "Pending" && phase !== "";
}

/** The error for a build that did not start in time. */
export function notStarted(build: Pick<StoredObject, "name">): ApiError {
  return new ApiError(logTimeout(build.name));
}

function limited(text: string, query: Readonly<Record<string, string>>): Buffer {
  const bytes = Buffer.from(query.tailLines === undefined ? text : lastLines(text, Number(query.tailLines)));
  return query.limitBytes === undefined ? bytes : bytes.subarray(0, Number(query.limitBytes));
}

function lastLines(text: string, count: number): string {
  const lines = text.split(/(?<=\n)/);
  return lines.slice(Math.max(lines.length - count, 0)).join("");
}

/** Milliseconds between two pieces of an endless log: megabytes a second, and time for everything else. */
const pace = 10;

/** Writes no faster than the client reads, until it goes away. */
function sendForEver(response: ServerResponse): void {
  const piece = "Downloading, and still downloading, the whole of the internet ...\n".repeat(1000);
  const more = () => {
    if (!response.destroyed && !response.writableEnded && response.write(piece)) setTimeout(more, pace);
  };
  response.on("drain", more);
  more();
}
