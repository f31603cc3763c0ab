/**
 * The tables of the first version. Texts are compared by bytes, whatever the database's language. Times are milliseconds since the epoch.
 * `jobs` is as in the SQLite ledger, for several queues. `claim` proves who owns a running job, `replica` says who runs it. `added` and `settled` show
 * that a statement was already done, when it is repeated because its answer was lost.
 * `places` has a row for every place where a tenant's jobs wait or waited. `first_due` is never later than the first of them. The tenant that was
 * served longest ago has the lowest `turn`. `gates` has a row for every analyzer: its gate, and the turn of the tenant that was served last.
 * `tally` counts jobs that ended, in rows that are added up, so that counting needs no lock.
 *
 * No index of `jobs` starts with the queue, and each column that narrows a search is the first of at most one index. Before the server has statistics it
 * uses any index whose first column fits, and keeps such a plan for long. The sums keep an index out of searches that it is not for.
 */
export const tables = `
  CREATE FUNCTION build_watcher.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

  CREATE TABLE build_watcher.jobs (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    analyzer text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    job text NOT NULL,
    cause text COLLATE "C",
    namespace text COLLATE "C",
    build_config text COLLATE "C",
    output_digest text COLLATE "C",
    base_digest text COLLATE "C",
    covers text COLLATE "C",
    added text COLLATE "C",
    state text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'dismissed')),
    pool smallint NOT NULL,
    lane smallint NOT NULL,
    due_at bigint CHECK ((due_at IS NOT NULL) = (state = 'waiting')),
    claim text COLLATE "C" CHECK ((claim IS NOT NULL) = (state = 'running')),
    replica text COLLATE "C",
    settled text COLLATE "C",
    again boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    failing_since bigint,
    failing_for bigint NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    error_reason text COLLATE "C",
    error_message text,
    error_host text COLLATE "C",
    given_up_after bigint,
    result text,
    analysis text COLLATE "C",
    outcome text COLLATE "C" NOT NULL GENERATED ALWAYS AS (CASE WHEN state = 'done' THEN coalesce(analysis, state) ELSE state END) STORED,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    UNIQUE (id, queue),
    UNIQUE (group_id, analyzer, queue)
  );
  CREATE INDEX jobs_turn ON build_watcher.jobs (tenant, analyzer, queue, pool, lane, due_at, number) WHERE state = 'waiting';
  CREATE INDEX jobs_due ON build_watcher.jobs ((due_at + 0)) WHERE state = 'waiting';
  CREATE INDEX jobs_waiting ON build_watcher.jobs ((created_at + 0)) WHERE state = 'waiting';
  CREATE INDEX jobs_live ON build_watcher.jobs (outcome, queue, analyzer) WHERE state IN ('waiting', 'running');
  CREATE INDEX jobs_running ON build_watcher.jobs (replica) WHERE state = 'running';
  CREATE INDEX jobs_covers ON build_watcher.jobs (covers) WHERE covers IS NOT NULL;
  CREATE INDEX jobs_updated ON build_watcher.jobs (updated_at, number);
  CREATE INDEX jobs_outcome ON build_watcher.jobs (outcome, updated_at, number);
  CREATE INDEX jobs_namespace ON build_watcher.jobs (namespace, updated_at, number) WHERE namespace IS NOT NULL;
  CREATE INDEX jobs_build_config ON build_watcher.jobs (build_config, number) WHERE build_config IS NOT NULL;
  CREATE INDEX jobs_output ON build_watcher.jobs (output_digest) WHERE output_digest IS NOT NULL;
  CREATE INDEX jobs_base ON build_watcher.jobs (base_digest) WHERE base_digest IS NOT NULL;
  CREATE INDEX jobs_failing ON build_watcher.jobs (error_reason, error_host)
    WHERE error_reason IS NOT NULL AND state IN ('waiting', 'running', 'failed');

  CREATE TABLE build_watcher.inputs (
    digest text COLLATE "C" NOT NULL,
    number bigint NOT NULL REFERENCES build_watcher.jobs ON DELETE CASCADE,
    PRIMARY KEY (digest, number)
  );
  CREATE INDEX inputs_number ON build_watcher.inputs (number);

  CREATE TABLE build_watcher.places (
    queue text COLLATE "C" NOT NULL,
    analyzer text COLLATE "C" NOT NULL,
    pool smallint NOT NULL,
    lane smallint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    first_due bigint NOT NULL,
    turn bigint NOT NULL,
    PRIMARY KEY (queue, analyzer, tenant, pool, lane)
  );
  CREATE INDEX places_next ON build_watcher.places (queue, analyzer, pool, lane, turn, first_due);
  CREATE INDEX places_due ON build_watcher.places (queue, first_due);

  CREATE TABLE build_watcher.gates (
    queue text COLLATE "C" NOT NULL,
    analyzer text COLLATE "C" NOT NULL,
    gate jsonb NOT NULL DEFAULT '{"kind": "open", "against": []}',
    turn bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, analyzer)
  );

  CREATE TABLE build_watcher.tally (
    queue text COLLATE "C" NOT NULL,
    analyzer text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    jobs bigint NOT NULL
  );

  CREATE TABLE build_watcher.tags (tag text COLLATE "C" PRIMARY KEY, digest text NOT NULL, completed_at bigint NOT NULL);
  CREATE TABLE build_watcher.shelf (key text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, text text NOT NULL, PRIMARY KEY (key, name));
  CREATE TABLE build_watcher.marks (name text COLLATE "C" PRIMARY KEY, text text NOT NULL);

  CREATE TABLE build_watcher.replicas (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    started_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    pulse bigint NOT NULL
  );
  CREATE TABLE build_watcher.duties (
    name text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C",
    done_at bigint NOT NULL DEFAULT 0
  );

  CREATE FUNCTION build_watcher.turn_to_join(p_queue text, p_analyzer text, p_tenant text) RETURNS bigint LANGUAGE plpgsql AS $$
  BEGIN
    RETURN coalesce((SELECT turn FROM build_watcher.gates WHERE queue = p_queue AND analyzer = p_analyzer), 0)
      -- Whose job runs was served a moment ago and begins behind all others.
      - CASE WHEN EXISTS (SELECT 1 FROM build_watcher.jobs WHERE state IN ('waiting', 'running') AND outcome = 'running'
          AND queue = p_queue AND analyzer = p_analyzer AND tenant = p_tenant) THEN 0 ELSE 1 END;
  END $$;

  CREATE FUNCTION build_watcher.join_place() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    v_new boolean;
  BEGIN
    -- Locked in any case: who takes the last job away that it sees there must not forget the place behind our back.
    PERFORM 1 FROM build_watcher.places WHERE queue = NEW.queue AND analyzer = NEW.analyzer AND tenant = NEW.tenant AND pool = NEW.pool
      AND lane = NEW.lane AND first_due <= NEW.due_at FOR UPDATE;
    IF FOUND THEN RETURN NULL; END IF;
    INSERT INTO build_watcher.places AS place (queue, analyzer, pool, lane, tenant, first_due, turn)
      VALUES (NEW.queue, NEW.analyzer, NEW.pool, NEW.lane, NEW.tenant, NEW.due_at, build_watcher.turn_to_join(NEW.queue, NEW.analyzer, NEW.tenant))
      ON CONFLICT (queue, analyzer, tenant, pool, lane) DO UPDATE SET first_due = least(place.first_due, excluded.first_due)
      RETURNING xmax = 0 INTO v_new;
    -- Seen anew: we may have waited until somebody had taken such a job and forgotten the place.
    IF v_new THEN
      UPDATE build_watcher.places SET turn = build_watcher.turn_to_join(NEW.queue, NEW.analyzer, NEW.tenant)
        WHERE queue = NEW.queue AND analyzer = NEW.analyzer AND tenant = NEW.tenant AND pool = NEW.pool AND lane = NEW.lane
          AND turn < (SELECT turn - 1 FROM build_watcher.gates WHERE queue = NEW.queue AND analyzer = NEW.analyzer);
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER place_joined AFTER INSERT ON build_watcher.jobs FOR EACH ROW
    WHEN (NEW.state = 'waiting') EXECUTE FUNCTION build_watcher.join_place();
  CREATE TRIGGER place_changed AFTER UPDATE OF state, due_at, pool, lane ON build_watcher.jobs FOR EACH ROW
    WHEN (NEW.state = 'waiting') EXECUTE FUNCTION build_watcher.join_place();

  CREATE FUNCTION build_watcher.count_job() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP <> 'INSERT' AND OLD.state NOT IN ('waiting', 'running') THEN
      INSERT INTO build_watcher.tally VALUES (OLD.queue, OLD.analyzer, OLD.outcome, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.state NOT IN ('waiting', 'running') THEN
      INSERT INTO build_watcher.tally VALUES (NEW.queue, NEW.analyzer, NEW.outcome, 1);
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER job_added AFTER INSERT ON build_watcher.jobs FOR EACH ROW
    WHEN (NEW.state NOT IN ('waiting', 'running')) EXECUTE FUNCTION build_watcher.count_job();
  CREATE TRIGGER job_changed AFTER UPDATE OF state, analysis ON build_watcher.jobs FOR EACH ROW
    WHEN (OLD.outcome <> NEW.outcome) EXECUTE FUNCTION build_watcher.count_job();
  CREATE TRIGGER job_forgotten AFTER DELETE ON build_watcher.jobs FOR EACH ROW
    WHEN (OLD.state NOT IN ('waiting', 'running')) EXECUTE FUNCTION build_watcher.count_job();
`;
