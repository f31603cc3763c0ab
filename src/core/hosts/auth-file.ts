/** A login at a registry. */
export interface AuthLogin {
  readonly user: string;
  readonly password: string;
  readonly identityToken?: string | undefined;
}

/** The auth file that gives one registry's login to one child process. */
export function formatAuthfile(registry: string, login: AuthLogin | undefined): string {
  if (!login) return JSON.stringify({ auths: {} });
  const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");
  return JSON.stringify({ auths: { [registry]: { auth, ...(login.identityToken && { identitytoken: login.identityToken }) } } });
}

/** Every text that would give a login away. */
export function secretsOf(login: AuthLogin | undefined): readonly string[] {
  if (!login) return [];
  const { user, password, identityToken } = login;
  return [password, Buffer.from(`${user}:${password}`).toString("base64"), identityToken ?? ""].filter(Boolean);
}
