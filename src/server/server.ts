import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import type { Health, HealthProbes } from "./health.ts";
import { ServerError } from "./server-error.ts";

export interface ServerSettings {
  /** The address to listen on; undefined: every one. */
  readonly host: string | undefined;
  /** 0: any free one. */
  readonly port: number;
  readonly health: HealthProbes;
}

/** Disposing of it ends open connections, too. */
export interface RunningServer extends AsyncDisposable {
  /** Where it is reached from this machine. */
  readonly url: string;
}

/** Serves the probes `/livez` and `/readyz`: 200, or 503 with the reasons. Throws `ServerError` when it cannot listen. */
export async function openServer({ host, port, health }: ServerSettings): Promise<RunningServer> {
  const server = limited(createServer(createRoutes(health)));
  await listen(server, port, host);
  return {
    url: urlOf(server.address() as AddressInfo),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createRoutes(health: HealthProbes): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use((_request, response, next) => {
    response.set({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    next();
  });
  app.get("/livez", (request, response) => answer(health.liveness(), request, response));
  app.get("/readyz", (request, response) => answer(health.readiness(), request, response));
  app.use((_request, response) => void response.status(404).type("text").send("Not found\n"));
  app.use(refuse);
  return app;
}

function answer(health: Health, request: Request, response: Response): void {
  response.status(health.ok ? 200 : 503);
  if (request.accepts(["text", "json"]) === "json") response.json(health);
  else response.type("text").send(health.ok ? "ok\n" : `${health.because.join("\n")}\n`);
}

/** Express would show the stack; it takes an error handler for one by its four parameters. */
function refuse(_error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent) next();
  else response.status(400).type("text").send("Bad request\n");
}

/** Probes are small and quick; whoever is not holds no connection for long. */
function limited(server: Server): Server {
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 5_000;
  server.timeout = 30_000;
  server.maxHeadersCount = 100;
  server.maxConnections = 256;
  return server;
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new ServerError(error, port, host)));
    server.listen(port, host, resolve);
  });
}

function urlOf({ address, family, port }: AddressInfo): string {
  const everywhere = address === "::" || address === "0.0.0.0";
  return `http://${everywhere ? "127.0.0.1" : family === "IPv6" ? `[${address}]` : address}:${port}`;
}
