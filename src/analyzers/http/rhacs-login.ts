import { JobError } from "../../core/jobs/errors.ts";
import { statusOf } from "./answers.ts";
import type { HttpEndpoint } from "./http.ts";
import { textOf } from "./json.ts";
import { type Login, readSecretFile } from "./login.ts";

/** Where a pod finds the token of its own service account. */
export const podTokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/**
 * A login at RHACS Central by a token file: an API token is sent as it is, a service account's token is exchanged for one
 * (POST /v1/auth/m2m/exchange), so that no secret of RHACS need be stored. Its machine access configuration decides what the bot may do.
 */
export function rhacsLogin(endpoint: HttpEndpoint, path: string): Login {
  let exchanged: { readonly from: string; readonly token: string } | undefined;

  return {
    async headers(signal) {
      const secret = await readSecretFile(path, "BUILD_WATCHER_RHACS_TOKEN_FILE");
      if (!isServiceAccountToken(secret)) return bearer(secret, [secret]);
      if (exchanged?.from !== secret) exchanged = { from: secret, token: await exchange(secret, signal) };
      return bearer(exchanged.token, [secret, exchanged.token]);
    },
    renew() {
      const had = exchanged !== undefined;
      exchanged = undefined;
      return had;
    },
  };

  async function exchange(idToken: string, signal: AbortSignal): Promise<string> {
    const request = { method: "POST", path: "/v1/auth/m2m/exchange", body: { idToken }, secrets: [idToken] } as const;
    const answer = await endpoint.send(request, signal).catch((error: unknown) => {
      const status = statusOf(error);
      if (status === undefined || status >= 500 || status === 429) throw error;
      const advice = "Add a machine access configuration for the bot's service account, or name an API token";
      throw new JobError("AnalyzerLogin", `${(error as Error).message} ${advice} in BUILD_WATCHER_RHACS_TOKEN_FILE.`);
    });
    const token = textOf(answer.json().accessToken);
    if (token === undefined)
      throw new JobError("AnalyzerProtocol", "RHACS Central did not exchange the service account's token.");
    return token;
  }
}

function bearer(token: string, secrets: readonly string[]) {
  return { headers: { authorization: `Bearer ${token}` }, secrets };
}

/** Told by the subject of the token; RHACS' own API tokens are JSON Web Tokens as well. */
function isServiceAccountToken(token: string): boolean {
  try {
    const { sub } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof sub === "string" && sub.startsWith("system:serviceaccount:");
  } catch {
    return false;
  }
}
