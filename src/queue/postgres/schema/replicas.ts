/**
 * Signs of life. A replica whose last sign is too old is forgotten, and its jobs wait again. The age is measured in `pulse`: the milliseconds in which
 * any replica gave signs. A pause between two signs counts for at most a third of the lease. So an outage of the database, or a time when all replicas
 * were slow, makes nobody dead: each has time to give a sign before another can miss it.
 */
export const replicas = `
  CREATE FUNCTION build_watcher.release_orphans(p_now bigint, p_random double precision) RETURNS SETOF build_watcher.jobs LANGUAGE plpgsql AS $$
  DECLARE
    v_orphan record;
    v_job build_watcher.jobs;
    v_delay bigint;
  BEGIN
    p_now := coalesce(p_now, build_watcher.now_ms());
    FOR v_orphan IN SELECT j.number, j.crashes + 1 AS crashes FROM build_watcher.jobs j
      WHERE j.state = 'running' AND NOT EXISTS (SELECT 1 FROM build_watcher.replicas r WHERE r.id = j.replica)
      ORDER BY j.number FOR UPDATE OF j SKIP LOCKED
    LOOP
      v_delay := CASE WHEN v_orphan.crashes < 3 THEN 0
        ELSE least(900000, 2000 * 2 ^ least(v_orphan.crashes - 3, 30)) * (0.5 + p_random / 2) END;
      UPDATE build_watcher.jobs SET state = 'waiting', claim = NULL, replica = NULL, crashes = v_orphan.crashes, due_at = p_now + v_delay, updated_at = p_now,
          lane = CASE WHEN v_orphan.crashes < 3 THEN lane ELSE 3 END,
          error_reason = CASE WHEN v_orphan.crashes < 3 THEN error_reason ELSE 'Unexpected' END,
          error_message = CASE WHEN v_orphan.crashes < 3 THEN error_message
            ELSE 'The bot itself ended ' || v_orphan.crashes || ' times while this job ran; it is tried after all others' END,
          error_host = CASE WHEN v_orphan.crashes < 3 THEN error_host END
        WHERE number = v_orphan.number RETURNING * INTO v_job;
      RETURN NEXT v_job;
    END LOOP;
  END $$;

  CREATE FUNCTION build_watcher.due_queues(p_now bigint) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
    SELECT DISTINCT p.queue FROM build_watcher.places p JOIN build_watcher.gates g USING (queue, analyzer)
      WHERE p.first_due <= coalesce(p_now, build_watcher.now_ms())
        AND (g.gate ->> 'kind' = 'open' OR (g.gate ->> 'until')::bigint <= coalesce(p_now, build_watcher.now_ms()))
  $$;

  CREATE FUNCTION build_watcher.fold_tally() RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    IF (SELECT count(*) FROM build_watcher.tally) < 500 OR NOT pg_try_advisory_xact_lock(1651993698) THEN RETURN; END IF;
    WITH gone AS (DELETE FROM build_watcher.tally RETURNING *)
      INSERT INTO build_watcher.tally SELECT queue, analyzer, outcome, sum(jobs) FROM gone GROUP BY queue, analyzer, outcome HAVING sum(jobs) <> 0;
  END $$;

  CREATE FUNCTION build_watcher.beat(p_id text, p_name text, p_started_at bigint, p_now bigint, p_held text[], p_wanted text[], p_lease bigint,
    p_random double precision) RETURNS jsonb LANGUAGE plpgsql AS $$
  DECLARE
    v_pulse bigint;
    v_released jsonb;
  BEGIN
    p_now := coalesce(p_now, build_watcher.now_ms());
    SELECT pulse + least(abs(p_now - seen_at), p_lease / 3) INTO v_pulse FROM build_watcher.replicas ORDER BY pulse DESC LIMIT 1;
    INSERT INTO build_watcher.replicas AS replica VALUES (p_id, p_name, p_started_at, p_now, coalesce(v_pulse, 0))
      ON CONFLICT (id) DO UPDATE SET seen_at = p_now, pulse = v_pulse;
    -- Jobs taken out for us by a statement whose answer never came, or that we gave up.
    UPDATE build_watcher.jobs SET state = 'waiting', claim = NULL, replica = NULL, due_at = p_now, updated_at = p_now
      WHERE state = 'running' AND replica = p_id AND claim <> ALL (p_held) AND updated_at < p_now - 15000;
    DELETE FROM build_watcher.replicas WHERE pulse < v_pulse - p_lease;
    SELECT jsonb_agg(to_jsonb(orphan)) INTO v_released FROM build_watcher.release_orphans(p_now, p_random) AS orphan;
    INSERT INTO build_watcher.duties AS duty (name, holder) SELECT wanted, p_id FROM unnest(p_wanted) AS wanted ORDER BY wanted
      ON CONFLICT (name) DO UPDATE SET holder = p_id
        WHERE NOT EXISTS (SELECT 1 FROM build_watcher.replicas WHERE id = duty.holder);
    PERFORM build_watcher.fold_tally();
    RETURN jsonb_build_object(
      'released', coalesce(v_released, '[]'),
      'lost', (SELECT coalesce(jsonb_agg(token), '[]') FROM unnest(p_held) AS token
        WHERE NOT EXISTS (SELECT 1 FROM build_watcher.jobs WHERE number = split_part(token, ':', 2)::bigint AND claim = token)),
      'duties', (SELECT coalesce(jsonb_agg(name), '[]') FROM build_watcher.duties WHERE holder = p_id),
      'others', EXISTS (SELECT 1 FROM build_watcher.replicas WHERE id <> p_id),
      'due', (SELECT coalesce(jsonb_agg(queue), '[]') FROM build_watcher.due_queues(p_now) AS queue));
  END $$;

  CREATE FUNCTION build_watcher.leave(p_id text) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE build_watcher.duties SET holder = NULL WHERE holder = p_id;
    DELETE FROM build_watcher.replicas WHERE id = p_id;
  END $$;
`;
