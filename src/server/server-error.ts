/** The setting a port comes from. */
export type PortSetting = "--port (PORT)" | "BUILD_WATCHER_ADMIN_PORT";

/** The server cannot listen. Its message names the setting to change. */
export class ServerError extends Error {
  override readonly name = "ServerError";

  constructor(error: NodeJS.ErrnoException, port: number, host: string | undefined, setting: PortSetting = "--port (PORT)") {
    super(explain(error, port, host, setting), { cause: error });
  }
}

function explain({ code, message }: NodeJS.ErrnoException, port: number, host: string | undefined, setting: PortSetting): string {
  const place = `${host ?? "every address"}, port ${port}`;
  switch (code) {
    case "EADDRINUSE":
      return `Another program already listens on ${place}: set ${setting} to a free port, or BUILD_WATCHER_SERVER=0 to run without a server.`;
    case "EACCES":
      return `The bot has no right to listen on ${place}: set ${setting} to a port above 1024.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return `${host} is not an address of this machine (${code}): correct --host (BUILD_WATCHER_HOST).`;
    default:
      return `The bot cannot listen on ${place} (${message}): check ${setting} and --host (BUILD_WATCHER_HOST).`;
  }
}
