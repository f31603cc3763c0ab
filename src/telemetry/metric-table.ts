interface Metric {
  readonly type: "counter" | "gauge" | "histogram";
  readonly name: string;
  readonly help: string;
  /** Only with few values: no build names, digests or URLs. */
  readonly labels: readonly string[];
  /** Upper bounds in seconds; histograms only. */
  readonly buckets?: readonly number[];
}

/** From a quick answer to the longest deadline. */
const ofRequests = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
/** From a single submission to the copy of a large image. */
const ofAttempts = [0.1, 0.5, 1, 5, 15, 60, 300, 900];
/** From at once to the backlog of a day. */
const ofWaits = [0.1, 1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400];
/** An analysis takes minutes, rarely hours. */
const ofAnalyses = [10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 21_600];

/**
 * Every metric, declared once. `kind` is the work a queue does: `submit` (jobs), `follow` (analyses), `notify` (events);
 * `analyzer` is its analyzer, or empty.
 * Naming: https://prometheus.io/docs/practices/naming. The last four counters are those of the Python build-watcher, under their names.
 */
export const metricTable = {
  info: {
    type: "gauge",
    name: "build_watcher_info",
    help: "Always 1; its label says which version runs.",
    labels: ["version"],
  },
  buildEvents: {
    type: "counter",
    name: "build_watcher_build_events_total",
    help: "Builds seen in lists (listed) and in the watch (event), by phase.",
    labels: ["source", "type", "phase"],
  },
  imagesLeftOut: {
    type: "counter",
    name: "build_watcher_images_left_out_total",
    help: "Images without a job, because their build made more than 256.",
    labels: ["source"],
  },
  watchRestarts: {
    type: "counter",
    name: "build_watcher_watch_restarts_total",
    help: "How often the watch of builds broke and was restarted, by reason.",
    labels: ["source", "reason"],
  },
  watchLastEvent: {
    type: "gauge",
    name: "build_watcher_watch_last_event_timestamp_seconds",
    help: "When the watch last showed life, in the watched namespace that has been silent for longest (Unix time).",
    labels: [],
  },
  watchNewestEvent: {
    type: "gauge",
    name: "build_watcher_watch_newest_event_timestamp_seconds",
    help: "When the watch last showed life in any watched namespace (Unix time).",
    labels: [],
  },
  watchTrouble: {
    type: "gauge",
    name: "build_watcher_watch_trouble_timestamp_seconds",
    help: "When the watch last showed life in each namespace whose builds cannot be read now (Unix time).",
    labels: ["source", "watched"],
  },
  reconcileDuration: {
    type: "histogram",
    name: "build_watcher_reconcile_duration_seconds",
    help: "How long complete lists of builds took.",
    labels: [],
    buckets: ofRequests,
  },
  jobs: {
    type: "gauge",
    name: "build_watcher_jobs",
    help: "Jobs in the ledger, by state; done jobs also by outcome.",
    labels: ["kind", "analyzer", "state", "outcome"],
  },
  oldestDueAge: {
    type: "gauge",
    name: "build_watcher_oldest_due_age_seconds",
    help: "How long the oldest job that could run has been waiting; 0 when none is due.",
    labels: ["kind", "analyzer"],
  },
  databaseUp: {
    type: "gauge",
    name: "build_watcher_database_up",
    help: "Whether the database can be used: 1 or 0. The label is its host, port and name. Missing if jobs are in a file.",
    labels: ["database"],
  },
  replicas: {
    type: "gauge",
    name: "build_watcher_replicas",
    help: "Replicas that work together now; each of them says the same.",
    labels: [],
  },
  replicaStarted: {
    type: "gauge",
    name: "build_watcher_replica_start_timestamp_seconds",
    help: "When each replica that works on the queue started (Unix time). Each replica reports all that are alive.",
    labels: ["replica"],
  },
  replicaRunning: {
    type: "gauge",
    name: "build_watcher_replica_running_jobs",
    help: "Jobs that each replica on the queue runs now. Each replica reports all that are alive.",
    labels: ["replica"],
  },
  findings: {
    type: "gauge",
    name: "build_watcher_findings",
    help: "Vulnerabilities that an analyzer found in the newest build of each BuildConfig, all together.",
    labels: ["analyzer", "severity"],
  },
  jobsEnqueued: {
    type: "counter",
    name: "build_watcher_jobs_enqueued_total",
    help: "Jobs added to the queue, new ones and duplicates.",
    labels: ["kind", "analyzer", "result"],
  },
  jobsFinished: {
    type: "counter",
    name: "build_watcher_jobs_finished_total",
    help: "Jobs that ended, done or failed for good.",
    labels: ["kind", "analyzer", "outcome"],
  },
  jobAttempts: {
    type: "counter",
    name: "build_watcher_job_attempts_total",
    help: "Attempts at jobs that ended, with the reason if they failed.",
    labels: ["kind", "analyzer", "outcome", "reason"],
  },
  jobDuration: {
    type: "histogram",
    name: "build_watcher_job_duration_seconds",
    help: "How long attempts at jobs took.",
    labels: ["kind", "analyzer", "outcome"],
    buckets: ofAttempts,
  },
  queueWait: {
    type: "histogram",
    name: "build_watcher_queue_wait_seconds",
    help: "How long jobs waited for their first attempt.",
    labels: ["kind", "analyzer"],
    buckets: ofWaits,
  },
  copyBytes: {
    type: "counter",
    name: "build_watcher_copy_bytes_total",
    help: "Size of the images that were copied, by the registry they were copied to.",
    labels: ["target"],
  },
  httpRequests: {
    type: "histogram",
    name: "build_watcher_http_request_duration_seconds",
    help: "Requests of the bot, by the part that sent them and the status of the answer; code is none without an answer.",
    labels: ["adapter", "method", "code"],
    buckets: ofRequests,
  },
  analysisDuration: {
    type: "histogram",
    name: "build_watcher_analysis_duration_seconds",
    help: "From the submission of an image to the end of its analysis.",
    labels: ["adapter", "outcome"],
    buckets: ofAnalyses,
  },
  endToEnd: {
    type: "histogram",
    name: "build_watcher_end_to_end_seconds",
    help: "From the completion of a build to the end of the analysis of its image.",
    labels: ["outcome"],
    buckets: ofAnalyses,
  },
  webhookRequests: {
    type: "counter",
    name: "build_watcher_webhook_requests_total",
    help: "Calls of the web hooks, by path and the status they were answered with.",
    labels: ["hook", "code"],
  },
  webhookImages: {
    type: "counter",
    name: "build_watcher_webhook_images_total",
    help: "Images named by web hooks, and what happened to them.",
    labels: ["hook", "result"],
  },
  imagesSubmitted: {
    type: "counter",
    name: "build_watcher_image_submission_total",
    help: "Number of images submitted for analysis.",
    labels: [],
  },
  imagesCopied: {
    type: "counter",
    name: "build_watcher_image_pushed_registry_total",
    help: "Number of images pushed to the external registry.",
    labels: [],
  },
  buildLogsSubmitted: {
    type: "counter",
    name: "build_watcher_build_log_submission_total",
    help: "Number of build logs submitted for analysis.",
    labels: [],
  },
  buildsFailed: {
    type: "counter",
    name: "build_watcher_builds_failed_total",
    help: "Number of builds that failed while the bot watched.",
    labels: ["source"],
  },
} as const satisfies Record<string, Metric>;

type Table = typeof metricTable;

/** The keys of the table whose metrics are of a type. */
export type MetricOf<Type extends Metric["type"]> = {
  [Key in keyof Table]: Table[Key]["type"] extends Type ? Key : never;
}[keyof Table];

/** A value for every label of a metric. */
export type LabelsOf<Key extends keyof Table> = Readonly<Record<Table[Key]["labels"][number], string>>;
