import { copierSettings } from "../../app/settings.ts";
import type { HostProcess } from "../../children/run-directory.ts";
import type { Config } from "../../config/options.ts";
import type { Environment } from "../../config/sources.ts";
import { systemClock } from "../../core/clock.ts";
import { checkLoginFiles, checkPush, type PushCheck } from "../../registry/copying/push-check.ts";
import { checkSkopeo } from "../../registry/skopeo/skopeo.ts";
import { type Finding, finding, skipped, warned } from "./finding.ts";
import { type SetCommand, setNamed } from "./set-command.ts";

/** The push registry is asked with its own login alone. */
const noCluster = { ownsImage: () => false, registryLogin: async () => undefined };

/** Whether images can be copied: the program for it, and the registry they go to. */
export async function checkCopying(
  config: Config,
  host: HostProcess,
  { set, inPod, environment }: { readonly set: SetCommand; readonly inPod: boolean; readonly environment: Environment },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const settings = copierSettings(config, noCluster, environment);
  if (!settings) return [skipped("copying", "Images are not copied: --push-registry (THOTH_PUSH_REGISTRY) is not set.")];
  const copying = { ...settings, clock: systemClock, host };
  const program = finding(
    "skopeo",
    () => (inPod ? imageWithSkopeo(config, set) : "sudo dnf install skopeo || sudo apt-get install skopeo"),
    async () => `skopeo ${(await checkSkopeo(config.skopeoPath, host, systemClock)).version} can be run.`,
  );
  const registry = finding(
    "push registry",
    (error) => mendPush(error, config, set),
    async () => {
      return pushWords(await checkPush(copying, signal));
    },
  );
  const doubts = await checkLoginFiles(copying);
  return [
    await program,
    await registry,
    ...doubts.map((doubt) => warned("logins and certificates", `${doubt}.`, setNamed(doubt, set))),
  ];
}

function pushWords({ place, proven, hasLogin }: PushCheck): string {
  const host = place.split("/")[0];
  if (proven) return `${place} takes uploads ${hasLogin ? "with this login" : "without login"}.`;
  const login = hasLogin ? "takes this login" : "answers without login";
  return `${host} ${login}; whether it may push there shows with the first copy.`;
}

/** An error that names a setting is fixed there: a template, an auth file, the certificates. For others the reason decides. */
function mendPush(error: unknown, { destinationUser, destinationAuthfile }: Config, set: SetCommand): string {
  const { message = "", reason } = (error instanceof Error ? error : {}) as { message?: string; reason?: unknown };
  const login =
    destinationUser === undefined && destinationAuthfile !== undefined
      ? ["BUILD_WATCHER_DST_AUTHFILE"]
      : ["THOTH_DST_REGISTRY_USER", "THOTH_DST_REGISTRY_PASSWORD"];
  const named = setNamed(message, set);
  if (named !== undefined) return named;
  if (reason === "RegistryDenied") return set(...login);
  if (message.includes("certificate is not trusted")) return set("BUILD_WATCHER_REGISTRY_CERTS");
  return set("THOTH_PUSH_REGISTRY");
}

function imageWithSkopeo({ skopeoPath }: Config, set: SetCommand): string {
  if (skopeoPath !== undefined) return set("SKOPEO_EXEC_PATH");
  const build = "oc start-build build-watcher --from-repo=. --follow";
  return `oc process --local -f openshift/buildconfig.yaml | oc apply -f - && ${build}`;
}
