/**
 * Taking jobs out, for all free places of a replica at once. Who takes jobs for an analyzer holds its row in `gates`, so that turns are kept
 * over all replicas and one job at a time tries an endpoint that is down. A place that another statement holds is passed over.
 */
export const taking = `
  CREATE FUNCTION build_watcher.tidy_place(p_queue text, p_analyzer text, p_tenant text, p_pool smallint, p_lane smallint) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    v_first bigint;
  BEGIN
    PERFORM 1 FROM build_watcher.places
      WHERE queue = p_queue AND analyzer = p_analyzer AND tenant = p_tenant AND pool = p_pool AND lane = p_lane FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN RETURN; END IF;
    -- Seen anew: whoever added a job here before we held the place has committed it.
    SELECT due_at INTO v_first FROM build_watcher.jobs
      WHERE state = 'waiting' AND queue = p_queue AND analyzer = p_analyzer AND tenant = p_tenant AND pool = p_pool AND lane = p_lane
      ORDER BY due_at, number LIMIT 1;
    IF NOT FOUND THEN
      DELETE FROM build_watcher.places WHERE queue = p_queue AND analyzer = p_analyzer AND tenant = p_tenant AND pool = p_pool AND lane = p_lane;
    ELSE
      UPDATE build_watcher.places SET first_due = v_first
        WHERE queue = p_queue AND analyzer = p_analyzer AND tenant = p_tenant AND pool = p_pool AND lane = p_lane;
    END IF;
  END $$;

  CREATE TYPE build_watcher.taken AS (number bigint, token text, job text, failures integer, failing_for bigint, analyzer text, tenant text,
    pool smallint, lane smallint, probe boolean, next_in bigint);

  CREATE FUNCTION build_watcher.take_job(p_number bigint, p_token text, p_replica text, p_now bigint, p_probe boolean) RETURNS build_watcher.taken
  LANGUAGE plpgsql AS $$
  DECLARE
    v_taken build_watcher.taken;
    v_queue text;
    v_turn bigint;
  BEGIN
    UPDATE build_watcher.jobs SET state = 'running', claim = p_token || ':' || number, replica = p_replica, due_at = NULL,
        attempts = attempts + 1, updated_at = p_now
      WHERE number = p_number
      RETURNING number, claim, job, failures, failing_for, analyzer, tenant, pool, lane, p_probe, NULL::bigint INTO v_taken;
    SELECT queue INTO v_queue FROM build_watcher.jobs WHERE number = p_number;
    UPDATE build_watcher.gates SET turn = turn + 2 WHERE queue = v_queue AND analyzer = v_taken.analyzer RETURNING turn INTO v_turn;
    UPDATE build_watcher.places SET turn = v_turn WHERE ctid = ANY (ARRAY (SELECT ctid FROM build_watcher.places
      WHERE queue = v_queue AND analyzer = v_taken.analyzer AND tenant = v_taken.tenant FOR UPDATE SKIP LOCKED));
    PERFORM build_watcher.tidy_place(v_queue, v_taken.analyzer, v_taken.tenant, v_taken.pool, v_taken.lane);
    RETURN v_taken;
  END $$;

  CREATE FUNCTION build_watcher.take_next(p_queue text, p_analyzer text, p_pools smallint[], p_running jsonb, p_per_tenant bigint, p_now bigint,
    p_token text, p_replica text) RETURNS build_watcher.taken LANGUAGE plpgsql AS $$
  DECLARE
    v_pool smallint;
    v_tenant text;
    v_number bigint;
    v_passed text[];
  BEGIN
    FOR v_lane IN 0..3 LOOP
      FOREACH v_pool IN ARRAY p_pools LOOP
        v_passed := ARRAY[]::text[];
        LOOP
          SELECT tenant INTO v_tenant FROM build_watcher.places
            WHERE queue = p_queue AND analyzer = p_analyzer AND pool = v_pool AND lane = v_lane AND first_due <= p_now
              AND tenant <> ALL (v_passed) AND (p_per_tenant IS NULL OR coalesce((p_running ->> tenant)::bigint, 0) < p_per_tenant)
            ORDER BY turn, first_due LIMIT 1 FOR UPDATE SKIP LOCKED;
          EXIT WHEN NOT FOUND;
          SELECT number INTO v_number FROM build_watcher.jobs
            WHERE state = 'waiting' AND queue = p_queue AND analyzer = p_analyzer AND tenant = v_tenant AND pool = v_pool AND lane = v_lane
              AND due_at <= p_now
            ORDER BY due_at, number LIMIT 1 FOR UPDATE SKIP LOCKED;
          IF FOUND THEN RETURN build_watcher.take_job(v_number, p_token, p_replica, p_now, false); END IF;
          PERFORM build_watcher.tidy_place(p_queue, p_analyzer, v_tenant, v_pool, v_lane::smallint);
          v_passed := v_passed || v_tenant;
        END LOOP;
      END LOOP;
    END LOOP;
    RETURN NULL;
  END $$;

  CREATE FUNCTION build_watcher.take_probe(p_queue text, p_analyzer text, p_pools smallint[], p_now bigint, p_token text, p_replica text)
    RETURNS build_watcher.taken LANGUAGE plpgsql AS $$
  DECLARE
    v_place record;
    v_number bigint;
    v_suspect boolean;
    v_passed text[] := ARRAY[]::text[];
  BEGIN
    LOOP
      SELECT tenant, pool, lane INTO v_place FROM build_watcher.places
        WHERE queue = p_queue AND analyzer = p_analyzer AND pool = ANY (p_pools) AND first_due <= p_now AND tenant <> ALL (v_passed)
        ORDER BY lane = 3, turn, first_due LIMIT 1 FOR UPDATE SKIP LOCKED;
      EXIT WHEN NOT FOUND;
      FOREACH v_suspect IN ARRAY ARRAY[false, true] LOOP
        SELECT number INTO v_number FROM build_watcher.jobs
          WHERE state = 'waiting' AND queue = p_queue AND analyzer = p_analyzer AND tenant = v_place.tenant AND pool = ANY (p_pools)
            AND due_at <= p_now AND (lane = 3) = v_suspect
          ORDER BY failures, pool, lane, due_at, number LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN RETURN build_watcher.take_job(v_number, p_token, p_replica, p_now, true); END IF;
      END LOOP;
      PERFORM build_watcher.tidy_place(p_queue, p_analyzer, v_place.tenant, v_place.pool, v_place.lane);
      v_passed := v_passed || v_place.tenant;
    END LOOP;
    RETURN NULL;
  END $$;

  CREATE FUNCTION build_watcher.take_jobs(p_queue text, p_now bigint, p_token text, p_replica text, p_workers integer, p_per_tenant bigint,
    p_rooms jsonb, p_running jsonb, p_longest bigint, p_patience bigint) RETURNS SETOF build_watcher.taken LANGUAGE plpgsql AS $$
  DECLARE
    v_gate record;
    v_taken build_watcher.taken;
    v_room record;
    v_free integer;
    v_running jsonb;
    v_pools smallint[];
    v_until bigint;
    v_next bigint;
  BEGIN
    p_now := coalesce(p_now, build_watcher.now_ms());
    -- A replica that the others hold for dead takes nothing before it has said that it is alive.
    IF NOT EXISTS (SELECT 1 FROM build_watcher.replicas WHERE id = p_replica) THEN RETURN; END IF;
    IF EXISTS (SELECT 1 FROM build_watcher.jobs WHERE state = 'waiting' AND queue = p_queue AND due_at + 0 > p_now + p_longest) THEN
      UPDATE build_watcher.jobs SET due_at = p_now WHERE state = 'waiting' AND queue = p_queue AND due_at + 0 > p_now + p_longest;
    END IF;
    FOR v_gate IN SELECT g.analyzer FROM build_watcher.gates g WHERE g.queue = p_queue AND EXISTS (SELECT 1 FROM build_watcher.places p
        WHERE p.queue = p_queue AND p.analyzer = g.analyzer AND p.first_due <= p_now) ORDER BY g.analyzer LOOP
      SELECT coalesce(array_agg(pool::smallint), '{}') INTO v_pools FROM (
        SELECT jsonb_array_elements_text(room.value)::smallint AS pool FROM jsonb_array_elements(p_rooms) WITH ORDINALITY AS room (value, index)
          WHERE p_workers > (SELECT coalesce(sum((r ->> 'jobs')::bigint), 0) FROM jsonb_array_elements(p_running) r
            WHERE r ->> 'analyzer' = v_gate.analyzer AND r -> 'room' = room.value)) AS free;
      CONTINUE WHEN v_pools = '{}';
      SELECT CASE WHEN gate ->> 'kind' = 'shut' THEN (gate ->> 'until')::bigint END INTO v_until FROM build_watcher.gates
        WHERE queue = p_queue AND analyzer = v_gate.analyzer FOR UPDATE;
      IF v_until IS NOT NULL THEN
        -- A wait longer than any that is ever set means that the clock was put back: it is over.
        CONTINUE WHEN v_until > p_now AND v_until - p_now <= p_longest;
        v_taken := build_watcher.take_probe(p_queue, v_gate.analyzer, v_pools, p_now, p_token, p_replica);
        IF v_taken.number IS NOT NULL THEN
          RETURN NEXT v_taken;
          UPDATE build_watcher.gates SET gate = jsonb_set(gate, '{until}', to_jsonb(p_now + p_patience))
            WHERE queue = p_queue AND analyzer = v_gate.analyzer;
        END IF;
        CONTINUE;
      END IF;
      FOR v_room IN SELECT value AS pools FROM jsonb_array_elements(p_rooms) LOOP
        SELECT p_workers - coalesce(sum((r ->> 'jobs')::integer), 0), coalesce(jsonb_object_agg(r ->> 'tenant', r -> 'jobs'), '{}')
          INTO v_free, v_running FROM jsonb_array_elements(p_running) r WHERE r ->> 'analyzer' = v_gate.analyzer AND r -> 'room' = v_room.pools;
        SELECT array_agg(pool::smallint) INTO v_pools FROM jsonb_array_elements_text(v_room.pools) AS pool;
        WHILE v_free > 0 LOOP
          v_taken := build_watcher.take_next(p_queue, v_gate.analyzer, v_pools, v_running, p_per_tenant, p_now, p_token, p_replica);
          EXIT WHEN v_taken.number IS NULL;
          RETURN NEXT v_taken;
          v_free := v_free - 1;
          v_running := jsonb_set(v_running, ARRAY[v_taken.tenant], to_jsonb(coalesce((v_running ->> v_taken.tenant)::bigint, 0) + 1));
        END LOOP;
      END LOOP;
    END LOOP;
    SELECT min(greatest(p.first_due, CASE WHEN g.gate ->> 'kind' = 'shut' THEN (g.gate ->> 'until')::bigint END)) - p_now INTO v_next
      FROM build_watcher.gates g JOIN LATERAL (
        SELECT min(first_due) AS first_due FROM build_watcher.places p WHERE p.queue = g.queue AND p.analyzer = g.analyzer
          AND (g.gate ->> 'kind' = 'shut' OR p.first_due > p_now)) AS p ON p.first_due IS NOT NULL
      WHERE g.queue = p_queue AND greatest(p.first_due, CASE WHEN g.gate ->> 'kind' = 'shut' THEN (g.gate ->> 'until')::bigint END) > p_now;
    v_taken := NULL;
    v_taken.next_in := v_next;
    RETURN NEXT v_taken;
  END $$;
`;
