import { StringDecoder } from "node:string_decoder";
import { openCluster } from "../app/open-cluster.ts";
import { clusterSettings } from "../app/settings.ts";
import type { NamedBuild } from "../core/build.ts";
import { JobError } from "../core/errors.ts";
import { type CommandContext, UsageError } from "./command.ts";

export interface LogsCall {
  /** `[namespace/]name` */
  readonly build: string;
  readonly follow: boolean;
}

/** Prints a build's log, or follows it to the build's end; as it is unless it goes to a terminal: 1 when there is none, which the log says why. */
export async function logs(context: CommandContext, { build: named, follow }: LogsCall): Promise<number> {
  const { config, environment, screen, signal } = context;
  await using opened = new AsyncDisposableStack();
  const cluster = opened.adopt(await openCluster({ ...clusterSettings(config), environment }), (part) => part.close());
  const build = buildNamed(named, cluster.namespaces);
  const write = screen.isTerminal ? screen.write : screen.writeRaw;
  const decoder = new StringDecoder("utf8");
  let isEmpty = true;
  for await (const piece of cluster.streamBuildLog(build, follow, signal)) {
    write(decoder.write(piece));
    isEmpty = false;
  }
  write(decoder.end());
  if (!isEmpty || signal.aborted) return 0;
  const hint = follow ? "" : "; -f waits for it";
  throw new JobError("ClusterUnavailable", `The Build ${build.namespace}/${build.name} has written no log${hint}`);
}

function buildNamed(text: string, namespaces: readonly (string | undefined)[]): NamedBuild {
  const [first = "", second, ...more] = text.split("/");
  if (first === "" || second === "" || more.length > 0)
    throw new UsageError(`logs: ${text} is no name of a Build: [namespace/]name`);
  if (second !== undefined) return { namespace: first, name: second };
  const [namespace] = namespaces;
  if (namespace !== undefined && namespaces.length === 1) return { namespace, name: first };
  throw new UsageError(`logs: the namespace of ${text} is not clear: name it as namespace/${text}`);
}
