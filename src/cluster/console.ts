import type { Api } from "./api/api.ts";
import { isRefused } from "./api/retrying.ts";

/** Written by the console's operator, and readable by every user that is logged in. */
const path = "/api/v1/namespaces/openshift-config-managed/configmaps/console-public";

/** The address of OpenShift's web console; undefined where the cluster has none, or hides it. Throws `ApiError` when it does not answer. */
export async function askConsoleUrl(api: Pick<Api, "getJson">, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { data } = (await api.getJson(path, {}, signal)) as { readonly data?: { readonly consoleURL?: unknown } };
    const url = data?.consoleURL;
    return typeof url === "string" && /^https?:\/\//i.test(url) && URL.canParse(url) ? url : undefined;
  } catch (error) {
    if (isRefused(error, "Forbidden", "NotFound", "NotServed")) return undefined;
    throw error;
  }
}
