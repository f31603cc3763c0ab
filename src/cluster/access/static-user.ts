import type { RequestOptions } from "node:https";
import type { ReadFile } from "./file-reader.ts";
import { readToken } from "./token-file.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Whether a user's credentials are in the kubeconfig or in files, so that no plugin is needed. */
export function isStatic(user: Fields): boolean {
  return tokenFileOf(user) !== undefined || (!user.exec && !user["auth-provider"]);
}

/** oc reads `tokenFile`, client-node's own users have `token-file`. */
function tokenFileOf(user: Fields): string | undefined {
  const path = user.tokenFile ?? user["token-file"];
  return typeof path === "string" ? path : undefined;
}

/** Adds the same as client-node: TLS material, a login, a token. The files are read for every request. */
export async function authenticateStatic(cluster: Fields, user: Fields, options: RequestOptions, read: ReadFile): Promise<void> {
  if (cluster["insecure-skip-tls-verify"] === true) options.rejectUnauthorized = false;
  const { "tls-server-name": servername } = cluster;
  const ca = await material(cluster, "certificate-authority", read);
  const cert = await material(user, "client-certificate", read);
  const key = await material(user, "client-key", read);
  Object.assign(options, textField({ servername }), ca && { ca }, cert && { cert }, key && { key });
  const { token, username, password, as } = user;
  const path = tokenFileOf(user);
  const bearer = path === undefined ? token : await readToken(path, read);
  if (username) options.auth = `${username}:${password}`;
  options.headers = {
    ...options.headers,
    ...(as ? { "Impersonate-User": String(as) } : {}),
    ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
  };
}

function textField(field: Fields): Fields {
  return Object.fromEntries(Object.entries(field).filter(([, value]) => typeof value === "string" && value !== ""));
}

/** PEM from the file that a field names, else from the field's own data in base64. */
async function material(fields: Fields, name: string, read: ReadFile): Promise<Buffer | undefined> {
  const { [name]: path, [`${name}-data`]: data } = fields;
  if (typeof path === "string" && path !== "") return read(path);
  return typeof data === "string" && data !== "" ? Buffer.from(data, "base64") : undefined;
}
