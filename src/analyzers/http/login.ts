import { readFile } from "node:fs/promises";
import { JobError } from "../../core/jobs/errors.ts";
import { statusOf } from "./answers.ts";
import type { HttpAnswer, HttpEndpoint, HttpRequest } from "./http.ts";

/** A login at an analysis service: read when it is used, since tokens are replaced while the bot runs. */
export interface Login {
  /** The headers that carry it, and the secret texts in them. */
  headers(
    signal: AbortSignal,
  ): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly secrets: readonly string[] }>;
  /** Forgets what was refused; false when the next headers would be the same. */
  renew(): boolean;
}

/** Sends a request with a login; one that is refused is renewed once. Throws what `HttpEndpoint.send` throws. */
export async function sendWithLogin(
  endpoint: HttpEndpoint,
  login: Login,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const send = async () => {
    const { headers, secrets } = await login.headers(signal);
    const all = { ...request, headers: { ...request.headers, ...headers }, secrets: [...(request.secrets ?? []), ...secrets] };
    return endpoint.send(all, signal);
  };
  try {
    return await send();
  } catch (error) {
    if (statusOf(error) !== 401 || !login.renew()) throw error;
    return send();
  }
}

/** The secret in a file, without the line end. Throws `JobError("AnalyzerLogin")` that names the setting. */
export async function readSecretFile(path: string, setting: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new JobError("AnalyzerLogin", `${path} cannot be read (${error.code}): correct ${setting}.`);
  });
  const secret = text.trim();
  if (secret === "" || /[\r\n]/.test(secret)) {
    throw new JobError("AnalyzerLogin", `${path} does not hold a single line with a secret: correct the file, or ${setting}.`);
  }
  return secret;
}

/** A token that is the same until its file is replaced. */
export function fileLogin(path: string, setting: string, headers: (secret: string) => Readonly<Record<string, string>>): Login {
  let last = "";
  return {
    async headers() {
      last = await readSecretFile(path, setting);
      return { headers: headers(last), secrets: [last] };
    },
    renew: () => false,
  };
}
