import type { Config } from "../../config/options.ts";
import { systemClock } from "../../core/clock.ts";
import { checkPush } from "../../registry/push-check.ts";
import type { HostProcess } from "../../registry/run-directory.ts";
import { checkSkopeo } from "../../registry/skopeo.ts";
import { copierSettings } from "../../settings.ts";
import { type Finding, finding, skipped } from "./finding.ts";
import type { SetCommand } from "./set-command.ts";

/** The push registry is asked with its own login alone. */
const noCluster = { ownsImage: () => false, registryLogin: async () => undefined };

/** Whether images can be copied: the program for it, and the registry they go to. */
export async function checkCopying(
  config: Config,
  host: HostProcess,
  set: SetCommand,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const settings = copierSettings(config, noCluster);
  if (!settings) return [skipped("copying", "Images are not copied: --push-registry (THOTH_PUSH_REGISTRY) is not set.")];
  const program = finding(
    "skopeo",
    () => "sudo dnf install skopeo || sudo apt-get install skopeo",
    async () => `skopeo ${(await checkSkopeo(config.skopeoPath, host, systemClock)).version} can be run.`,
  );
  const login = `${set("THOTH_DST_REGISTRY_USER", "<user>")}; ${set("THOTH_DST_REGISTRY_PASSWORD", "<password>")}`;
  const registry = finding(
    "push registry",
    (error) => (isDenied(error) ? login : set("THOTH_PUSH_REGISTRY", "<host>[/<path>]")),
    async () => {
      const { place, proven } = await checkPush({ ...settings, clock: systemClock, host }, signal);
      return proven
        ? `${place} takes uploads with this login.`
        : `${place.split("/")[0]} takes this login; whether it may push there shows with the first copy.`;
    },
  );
  return Promise.all([program, registry]);
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && "reason" in error && error.reason === "RegistryDenied";
}
