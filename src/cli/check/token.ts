import type { Config } from "../../config/options.ts";

type Settings = Pick<Config, "passToken" | "pullAccount" | "analysisHost" | "dryRun">;

/** What `--pass-token` gives away where it is not the token of an account that can only pull: that of the person who is logged in, or the bot's own. */
export function tokenWarnings(
  { passToken, pullAccount, analysisHost, dryRun }: Settings,
  { KUBERNETES_SERVICE_HOST: inPod }: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (!passToken || pullAccount !== undefined || dryRun || analysisHost === undefined) return [];
  const whose = inPod === undefined ? "your own cluster token" : "the bot's own token";
  const can = inPod === undefined ? "It can do whatever you can do in the cluster" : "It can read builds and their logs, too";
  return [
    `--pass-token (THOTH_PASS_TOKEN) sends ${whose} to ${analysisHost} as the password for images of the cluster's registry. ` +
      `${can}, and Thoth's API takes passwords in the URL, where access logs keep them. ` +
      "Name a service account that can only pull images in BUILD_WATCHER_PULL_ACCOUNT (openshift/rbac.yaml makes one), or copy the images with --push-registry instead",
  ];
}
