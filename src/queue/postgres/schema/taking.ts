/**
 * Taking jobs, for all free places of a replica at once. Replicas do this one after the other, so that they share the turns and one job at a time tries
 * an endpoint that is down. A place that another kind of statement has locked is skipped.
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
    pool smallint, lane smallint, turn bigint, probe boolean, next_in bigint);

  CREATE FUNCTION build_watcher.take_job(p_number bigint, p_token text, p_replica text, p_now bigint, p_turn bigint, p_probe boolean)
    RETURNS build_watcher.taken LANGUAGE plpgsql AS $$
  DECLARE
    v_taken build_watcher.taken;
  BEGIN
    UPDATE build_watcher.jobs SET state = 'running', claim = p_token || ':' || number, replica = p_replica, due_at = NULL,
        attempts = attempts + 1, updated_at = p_now
      WHERE number = p_number
      RETURNING number, claim, job, failures, failing_for, analyzer, tenant, pool, lane, p_turn, p_probe, NULL::bigint INTO v_taken;
    RETURN v_taken;
  END $$;

  CREATE FUNCTION build_watcher.pass_turn(p_queue text, p_last build_watcher.taken) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE build_watcher.places SET turn = p_last.turn WHERE ctid = ANY (ARRAY (SELECT ctid FROM build_watcher.places
      WHERE queue = p_queue AND analyzer = p_last.analyzer AND tenant = p_last.tenant FOR UPDATE SKIP LOCKED));
    PERFORM build_watcher.tidy_place(p_queue, p_last.analyzer, p_last.tenant, p_last.pool, p_last.lane);
  END $$;

  CREATE FUNCTION build_watcher.take_some(p_queue text, p_analyzer text, p_pools smallint[], p_free bigint, p_running jsonb, p_per_tenant bigint,
    p_now bigint, p_token text, p_replica text) RETURNS SETOF build_watcher.taken LANGUAGE plpgsql AS $$
  DECLARE
    v_pool smallint;
    v_tenants text[];
    v_passed text[];
    v_turns bigint;
    v_free bigint;
    v_limit bigint;
    v_count bigint;
    v_number bigint;
    v_taken build_watcher.taken;
    v_turn bigint;
    v_last bigint;
  BEGIN
    SELECT turn, turn INTO v_turn, v_last FROM build_watcher.gates WHERE queue = p_queue AND analyzer = p_analyzer;
    FOR v_lane IN 0..3 LOOP
      FOREACH v_pool IN ARRAY p_pools LOOP
        v_passed := ARRAY[]::text[];
        WHILE p_free > 0 LOOP
          SELECT array_agg(tenant ORDER BY turn, first_due) INTO v_tenants FROM (SELECT tenant, turn, first_due FROM build_watcher.places
            WHERE queue = p_queue AND analyzer = p_analyzer AND pool = v_pool AND lane = v_lane AND first_due <= p_now
              AND tenant <> ALL (v_passed) AND (p_per_tenant IS NULL OR coalesce((p_running ->> tenant)::bigint, 0) < p_per_tenant)
            ORDER BY turn, first_due LIMIT p_free FOR UPDATE SKIP LOCKED) AS next;
          EXIT WHEN v_tenants IS NULL;
          v_turns := cardinality(v_tenants);
          v_free := p_free;
          -- The same as one job for each in turn, until all places are taken.
          FOR v_index IN 1..v_turns LOOP
            v_limit := least((v_free - v_index) / v_turns + 1, p_per_tenant - coalesce((p_running ->> v_tenants[v_index])::bigint, 0));
            v_count := 0;
            FOR v_number IN SELECT number FROM build_watcher.jobs
              WHERE state = 'waiting' AND queue = p_queue AND analyzer = p_analyzer AND tenant = v_tenants[v_index] AND pool = v_pool AND lane = v_lane
                AND due_at <= p_now
              ORDER BY due_at, number LIMIT v_limit FOR UPDATE SKIP LOCKED
            LOOP
              v_taken := build_watcher.take_job(v_number, p_token, p_replica, p_now, v_turn + 2 * (v_index + v_count * v_turns), false);
              RETURN NEXT v_taken;
              v_count := v_count + 1;
            END LOOP;
            IF v_count = 0 THEN
              PERFORM build_watcher.tidy_place(p_queue, p_analyzer, v_tenants[v_index], v_pool, v_lane::smallint);
            ELSE
              PERFORM build_watcher.pass_turn(p_queue, v_taken);
              v_last := greatest(v_last, v_taken.turn);
            END IF;
            IF v_count < v_limit THEN v_passed := v_passed || v_tenants[v_index]; END IF;
            p_free := p_free - v_count;
            p_running := jsonb_set(p_running, ARRAY[v_tenants[v_index]], to_jsonb(coalesce((p_running ->> v_tenants[v_index])::bigint, 0) + v_count));
          END LOOP;
          v_turn := v_last;
        END LOOP;
      END LOOP;
    END LOOP;
    UPDATE build_watcher.gates SET turn = v_last WHERE queue = p_queue AND analyzer = p_analyzer AND turn <> v_last;
  END $$;

  CREATE FUNCTION build_watcher.take_probe(p_queue text, p_analyzer text, p_pools smallint[], p_turn bigint, p_now bigint, p_token text,
    p_replica text) RETURNS build_watcher.taken LANGUAGE plpgsql AS $$
  DECLARE
    v_place record;
    v_number bigint;
    v_suspect boolean;
    v_taken build_watcher.taken;
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
        IF NOT FOUND THEN CONTINUE; END IF;
        v_taken := build_watcher.take_job(v_number, p_token, p_replica, p_now, p_turn + 2, true);
        PERFORM build_watcher.pass_turn(p_queue, v_taken);
        RETURN v_taken;
      END LOOP;
      PERFORM build_watcher.tidy_place(p_queue, p_analyzer, v_place.tenant, v_place.pool, v_place.lane);
      v_passed := v_passed || v_place.tenant;
    END LOOP;
    RETURN NULL;
  END $$;

  CREATE FUNCTION build_watcher.take_jobs(p_queue text, p_now bigint, p_wanted jsonb) RETURNS SETOF build_watcher.taken LANGUAGE plpgsql AS $$
  DECLARE
    v_token text := p_wanted ->> 'token';
    v_replica text := p_wanted ->> 'replica';
    v_workers bigint := p_wanted ->> 'workers';
    v_per_tenant bigint := p_wanted ->> 'perTenant';
    v_rooms jsonb := p_wanted -> 'rooms';
    v_occupied jsonb := p_wanted -> 'running';
    v_longest bigint := p_wanted ->> 'longest';
    v_patience bigint := p_wanted ->> 'patience';
    v_gate record;
    v_taken build_watcher.taken;
    v_room record;
    v_free bigint;
    v_running jsonb;
    v_pools smallint[];
    v_next bigint;
  BEGIN
    -- A replica that the others hold for dead takes nothing before it has said that it is alive.
    IF NOT EXISTS (SELECT 1 FROM build_watcher.replicas WHERE id = v_replica) THEN RETURN; END IF;
    IF (p_wanted ->> 'isRepeated')::boolean THEN
      UPDATE build_watcher.jobs SET state = 'waiting', claim = NULL, replica = NULL, due_at = p_now, updated_at = p_now
        WHERE state = 'running' AND replica = v_replica AND starts_with(claim, v_token);
    END IF;
    IF EXISTS (SELECT 1 FROM build_watcher.jobs WHERE state = 'waiting' AND queue = p_queue AND due_at + 0 > p_now + v_longest) THEN
      UPDATE build_watcher.jobs SET due_at = p_now WHERE state = 'waiting' AND queue = p_queue AND due_at + 0 > p_now + v_longest;
    END IF;
    FOR v_gate IN SELECT g.analyzer, g.turn, CASE WHEN g.gate ->> 'kind' = 'shut' THEN (g.gate ->> 'until')::bigint END AS until
      FROM build_watcher.gates g WHERE g.queue = p_queue AND EXISTS (SELECT 1 FROM build_watcher.places p
        WHERE p.queue = p_queue AND p.analyzer = g.analyzer AND p.first_due <= p_now) ORDER BY g.analyzer LOOP
      SELECT coalesce(array_agg(pool::smallint), '{}') INTO v_pools FROM (
        SELECT jsonb_array_elements_text(room.value)::smallint AS pool FROM jsonb_array_elements(v_rooms) WITH ORDINALITY AS room (value, index)
          WHERE v_workers > (SELECT coalesce(sum((r ->> 'jobs')::bigint), 0) FROM jsonb_array_elements(v_occupied) r
            WHERE r ->> 'analyzer' = v_gate.analyzer AND r -> 'room' = room.value)) AS free;
      CONTINUE WHEN v_pools = '{}';
      IF v_gate.until IS NOT NULL THEN
        -- A wait longer than any that is ever set means that the clock was put back: it is over.
        CONTINUE WHEN v_gate.until > p_now AND v_gate.until - p_now <= v_longest;
        v_taken := build_watcher.take_probe(p_queue, v_gate.analyzer, v_pools, v_gate.turn, p_now, v_token, v_replica);
        IF v_taken.number IS NOT NULL THEN
          RETURN NEXT v_taken;
          UPDATE build_watcher.gates SET turn = v_taken.turn, gate = jsonb_set(gate, '{until}', to_jsonb(p_now + v_patience))
            WHERE queue = p_queue AND analyzer = v_gate.analyzer;
        END IF;
        CONTINUE;
      END IF;
      FOR v_room IN SELECT value AS pools FROM jsonb_array_elements(v_rooms) LOOP
        SELECT v_workers - coalesce(sum((r ->> 'jobs')::bigint), 0), coalesce(jsonb_object_agg(r ->> 'tenant', r -> 'jobs'), '{}')
          INTO v_free, v_running FROM jsonb_array_elements(v_occupied) r WHERE r ->> 'analyzer' = v_gate.analyzer AND r -> 'room' = v_room.pools;
        SELECT array_agg(pool::smallint) INTO v_pools FROM jsonb_array_elements_text(v_room.pools) AS pool;
        RETURN QUERY SELECT * FROM build_watcher.take_some(p_queue, v_gate.analyzer, v_pools, v_free, v_running, v_per_tenant, p_now, v_token, v_replica);
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
