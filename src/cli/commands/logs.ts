import { StringDecoder } from "node:string_decoder";
import { openCluster } from "../../app/opening/open-cluster.ts";
import { clusterSettings } from "../../app/settings.ts";
import { oneOf } from "../../config/formats.ts";
import { kindOf, type NamedBuild } from "../../core/builds/build.ts";
import { SetupError } from "../../core/jobs/errors.ts";
import { knownSources } from "../../sources/index.ts";
import { type CommandContext, UsageError } from "../command.ts";

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
  throw new SetupError(`The ${kindOf(build)} ${build.namespace}/${build.name} has written no log${hint}`);
}

/** `[kind/][namespace/]name`, the kind as `oc get` takes it. */
function buildNamed(text: string, namespaces: readonly (string | undefined)[]): NamedBuild {
  const parts = text.split("/");
  const kind = kinds.get((parts[0] ?? "").toLowerCase());
  if (parts.length > 1 && kind !== undefined) parts.shift();
  const [first = "", second, ...more] = parts;
  const ofKind = kind === undefined || kind === "Build" ? {} : { kind };
  if (first === "" || second === "" || more.length > 0)
    throw new UsageError(
      `logs: ${text} is no name of a Build or run: [kind/][namespace/]name, where kind is ${oneOf([...kinds.keys()])}`,
    );
  if (second !== undefined) return { ...ofKind, namespace: first, name: second };
  const [namespace] = namespaces;
  if (namespace !== undefined && namespaces.length === 1) return { ...ofKind, namespace, name: first };
  throw new UsageError(`logs: the namespace of ${text} is not clear: name it as namespace/${text}`);
}

const kinds: ReadonlyMap<string, string> = new Map(knownSources.map(({ kind }) => [kind.toLowerCase(), kind]));
