import type { Config } from "../../config/options.ts";

/**
 * What `--pass-token` gives away outside a pod: not the token of a service account with few rights, but that of the person who is logged in.
 */
export function tokenWarnings(
  { passToken, analysisHost, dryRun }: Pick<Config, "passToken" | "analysisHost" | "dryRun">,
  { KUBERNETES_SERVICE_HOST: inPod }: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (!passToken || dryRun || inPod !== undefined || analysisHost === undefined) return [];
  return [
    `--pass-token (THOTH_PASS_TOKEN) sends your own cluster token to ${analysisHost} as the password for images of the cluster's registry. ` +
      "It can do whatever you can do in the cluster, and Thoth's API takes passwords in the URL, where access logs keep them. " +
      "Use it with a service account that can only pull images, or copy the images with --push-registry instead",
  ];
}
