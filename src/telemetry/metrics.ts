import { Agent as HttpAgent, type IncomingMessage, request as requestByHttp } from "node:http";
import { Agent as HttpsAgent, request as requestByHttps } from "node:https";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { noProxies, type Proxies } from "../core/hosts/proxy.ts";
import { forPeople } from "../core/outside-text.ts";
import { type LabelsOf, type MetricOf, metricTable } from "./metric-table.ts";

/** Where measurements go. The code that measures does not know Prometheus. */
export interface Metrics {
  count<Key extends MetricOf<"counter">>(key: Key, labels: LabelsOf<Key>, by?: number): void;
  observe<Key extends MetricOf<"histogram">>(key: Key, labels: LabelsOf<Key>, seconds: number): void;
  /** `read` is called at every scrape; a gauge read in several places has all their values. */
  gauge<Key extends MetricOf<"gauge">>(key: Key, read: GaugeReader<Key>): void;
  /** Everything, in Prometheus' text format. */
  text(): Promise<string>;
  /** The content type of the text. */
  readonly contentType: string;
  /** Sends everything to a push gateway, replacing what this bot sent before. Rejects when the gateway does not accept it. */
  push(gateway: PushTarget): Promise<void>;
}

interface GaugeValue<Key extends MetricOf<"gauge">> {
  readonly labels: LabelsOf<Key>;
  readonly value: number;
}

/** Returns the current values, at once or later. */
type GaugeReader<Key extends MetricOf<"gauge">> = () => readonly GaugeValue<Key>[] | Promise<readonly GaugeValue<Key>[]>;

export interface PushTarget {
  /** Scheme, host and port. */
  readonly url: string;
  /** The label `instance`, so that several bots do not overwrite each other. */
  readonly instance: string;
  /** Milliseconds that the gateway may take. */
  readonly timeout: number;
  readonly proxies?: Proxies | undefined;
}

export interface MetricsSettings {
  /** Whether memory, CPU, event loop and garbage collection of the process are measured, too. */
  readonly ofProcess: boolean;
}

/** The label `job` of pushed metrics, as the Python build-watcher had it. */
const jobName = "build-watcher";

export function createMetrics({ ofProcess }: MetricsSettings): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const reads = new Map<string, AnyReader[]>();
  for (const [key, definition] of Object.entries(metricTable)) {
    const { name, help, labels } = definition;
    const settings = { name, help, labelNames: labels, registers };
    if (definition.type === "counter") counters.set(key, new Counter(settings));
    else if (definition.type === "histogram")
      histograms.set(key, new Histogram({ ...settings, buckets: [...definition.buckets] }));
    else {
      const readers: AnyReader[] = [];
      reads.set(key, readers);
      new Gauge({ ...settings, collect: collector(readers) });
    }
  }
  const all = ofProcess ? Registry.merge([processMetrics(), registry]) : registry;

  return {
    count: (key, labels, by = 1) => counters.get(key)?.inc(labels, by),
    observe: (key, labels, seconds) => histograms.get(key)?.observe(labels, Math.max(seconds, 0)),
    gauge: (key, read) => void reads.get(key)?.push(read as AnyReader),
    text: () => all.metrics(),
    contentType: all.contentType,
    async push(target) {
      const path = `/metrics/job/${jobName}/instance/${encodeURIComponent(target.instance)}`;
      assertTaken(await put(new URL(`${target.url}${path}`), all.contentType, await all.metrics(), target));
    },
  };
}

let ofThisProcess: Registry | undefined;

/** What is measured of the process, once in it: the library's timer and its observer of garbage collections never end. */
function processMetrics(): Registry {
  if (ofThisProcess) return ofThisProcess;
  ofThisProcess = new Registry();
  collectDefaultMetrics({ register: ofThisProcess });
  return ofThisProcess;
}

/** Sends a text through the operator's proxy, if there is one for the address, and answers the head of what comes back. */
async function put(url: URL, type: string, text: string, { timeout, proxies = noProxies }: PushTarget): Promise<IncomingMessage> {
  const isSecure = url.protocol === "https:";
  const proxy = proxies.proxyFor(url);
  const through = proxy && { proxyEnv: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url }, timeout };
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ ...through });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { "Content-Type": type };
  const signal = AbortSignal.timeout(timeout);
  const sent = (isSecure ? requestByHttps : requestByHttp)(url, { method: "PUT", headers, agent, signal }, resolve);
  sent.on("error", reject);
  sent.end(text);
  try {
    return (await promise).resume();
  } catch (error) {
    throw proxy ? new Error(`${(error as Error).message} (the proxy is ${proxy.name})`) : error;
  }
}

/** A gateway answers 200 or 202 without a page. Any other answer is from something else. */
function assertTaken({ statusCode: status = 0, headers }: IncomingMessage): void {
  const to = headers.location ?? null;
  if (status >= 300 && status < 400)
    throw new Error(`it redirects (${status})${to === null ? "" : ` to ${forPeople(to, 200)}: write that`}`);
  if (status !== 200 && status !== 202) throw new Error(`it answers ${status}`);
  if (headers["content-type"]?.includes("html"))
    throw new Error("it answers with a web page, so something else is at its address");
}

type AnyReader = GaugeReader<MetricOf<"gauge">>;

/** Milliseconds a value may take to be read; a scrape is given ten seconds, usually. */
const patience = 3_000;

/** Reads the values again. What cannot be read in time is left out: a scrape must not fail together with a part that it should show. */
function collector(readers: readonly AnyReader[]): (this: Gauge) => Promise<void> {
  return async function collect() {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("it takes too long")), patience);
    const answers = await Promise.allSettled(readers.map(async (read) => Promise.race([read(), late.promise])));
    clearTimeout(timer);
    // Two scrapes at once must not empty the gauge under each other.
    this.reset();
    for (const answer of answers)
      if (answer.status === "fulfilled") for (const { labels, value } of answer.value) this.set(labels, value);
  };
}
