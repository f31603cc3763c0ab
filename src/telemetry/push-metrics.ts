import { type Clock, sleep } from "../core/clock.ts";
import type { Proxies } from "../core/hosts/proxy.ts";
import { withoutEnd } from "../core/outside-text.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";

export interface PushSettings {
  readonly metrics: Pick<Metrics, "push">;
  /** Host or URL of the gateway; a bare host means http. */
  readonly host: string;
  readonly port: number | undefined;
  /** Distinguishes this bot from others. */
  readonly instance: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly proxies?: Proxies | undefined;
}

/** Milliseconds between two pushes. */
const pushInterval = 30_000;
const pushTimeout = 5_000;

/** The port a Prometheus push gateway listens on. */
const usualPort = 9091;

/** Pushes the metrics from now on, and once more when it is disposed of. A gateway that fails is logged once, until it works again. */
export function pushMetrics({ metrics, host, port, instance, log, clock, proxies }: PushSettings): AsyncDisposable {
  const target = { url: gatewayUrl(host, port), instance, timeout: pushTimeout, proxies };
  const stop = new AbortController();
  let failing = false;
  const pushing = pushUntilStopped();

  async function pushUntilStopped(): Promise<void> {
    while (!stop.signal.aborted) {
      await push();
      await sleep(clock, pushInterval, stop.signal);
    }
  }

  async function push(): Promise<void> {
    try {
      await metrics.push(target);
      if (failing) log.info({ gateway: target.url }, "The push gateway accepts metrics again");
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ gateway: target.url, error: describe(error) }, advice);
      failing = true;
    }
  }

  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await pushing;
      await push();
    },
  };
}

const advice = "Metrics cannot be pushed; the bot tries again: check PROMETHEUS_PUSHGATEWAY_HOST and PROMETHEUS_PUSHGATEWAY_PORT";

/** The gateway's URL for a host, with or without scheme and port. */
export function gatewayUrl(host: string, port: number | undefined): string {
  const url = new URL(/^https?:\/\//i.test(host) ? host : `http://${host}`);
  if (port !== undefined) url.port = String(port);
  else if (url.port === "" && url.protocol === "http:") url.port = String(usualPort);
  return `${url.origin}${withoutEnd(url.pathname, "/")}`;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
