/** Adding and retrying. */
export const adding = `
  CREATE FUNCTION build_watcher.known_job(p_queue text, p_group text, p_analyzer text, p_covers text, OUT id text, OUT outcome text, OUT added text)
  LANGUAGE plpgsql STABLE AS $$
  BEGIN
    IF p_covers IS NOT NULL THEN
      SELECT j.id, j.outcome, j.added INTO id, outcome, added FROM build_watcher.jobs j
        WHERE j.queue = p_queue AND j.covers = p_covers AND j.analyzer = p_analyzer
        ORDER BY j.outcome IN ('failed', 'analysis-failed'), j.number DESC LIMIT 1;
      IF FOUND THEN RETURN; END IF;
    END IF;
    SELECT j.id, j.outcome, j.added INTO id, outcome, added FROM build_watcher.jobs j
      WHERE j.queue = p_queue AND j.group_id = p_group AND j.analyzer = p_analyzer;
  END $$;

  CREATE FUNCTION build_watcher.retry_job(p_queue text, p_id text, p_now bigint, p_pool smallint) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    p_now := coalesce(p_now, build_watcher.now_ms());
    UPDATE build_watcher.jobs SET state = 'waiting', pool = coalesce(p_pool, pool), due_at = p_now, updated_at = p_now, failures = 0,
        lane = CASE WHEN cause = 'scan' THEN 2 ELSE 0 END, failing_since = NULL, failing_for = 0, crashes = 0, again = false,
        error_reason = NULL, error_message = NULL, error_host = NULL, given_up_after = NULL
      WHERE queue = p_queue AND id = p_id AND state <> 'running';
    RETURN FOUND;
  END $$;

  CREATE FUNCTION build_watcher.add_job(p_queue text, p_now bigint, p_job jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE
    v_group text := p_job ->> 'group';
    v_analyzer text := p_job ->> 'analyzer';
    v_alone text := CASE WHEN (p_job ->> 'alone')::boolean THEN p_job ->> 'covers' END;
    v_again text := p_job ->> 'again';
    v_known record;
    v_taken boolean;
    v_number bigint;
  BEGIN
    v_known := build_watcher.known_job(p_queue, v_group, v_analyzer, v_alone);
    IF v_known.id IS NULL THEN
      v_taken := EXISTS (SELECT 1 FROM build_watcher.jobs WHERE queue = p_queue AND id = p_job ->> 'id');
      IF NOT EXISTS (SELECT 1 FROM build_watcher.gates WHERE queue = p_queue AND analyzer = v_analyzer) THEN
        INSERT INTO build_watcher.gates (queue, analyzer) VALUES (p_queue, v_analyzer) ON CONFLICT DO NOTHING;
      END IF;
      INSERT INTO build_watcher.jobs (queue, id, group_id, analyzer, tenant, job, cause, namespace, build_config, output_digest, base_digest,
          covers, added, pool, lane, due_at, created_at, updated_at, seen_at)
        VALUES (p_queue, CASE WHEN v_taken THEN p_job ->> 'otherId' ELSE p_job ->> 'id' END, v_group, v_analyzer, p_job ->> 'tenant',
          CASE WHEN v_taken THEN p_job ->> 'otherJob' ELSE p_job ->> 'job' END, p_job ->> 'cause', p_job ->> 'namespace',
          p_job ->> 'buildConfig', p_job ->> 'outputDigest', p_job ->> 'baseDigest', p_job ->> 'covers', p_job ->> 'added',
          (p_job ->> 'pool')::smallint, (p_job ->> 'lane')::smallint, p_now + coalesce((p_job ->> 'after')::bigint, 0), p_now, p_now, p_now)
        RETURNING number INTO v_number;
      INSERT INTO build_watcher.inputs SELECT DISTINCT value, v_number FROM jsonb_array_elements_text(p_job -> 'inputs');
      RETURN true;
    END IF;
    -- The same statement again, because nobody heard its answer.
    IF v_known.added = p_job ->> 'added' THEN RETURN true; END IF;
    IF v_alone IS NOT NULL THEN
      UPDATE build_watcher.jobs SET seen_at = p_now WHERE queue = p_queue AND covers = v_alone AND analyzer = v_analyzer;
    END IF;
    UPDATE build_watcher.jobs SET seen_at = p_now WHERE queue = p_queue AND group_id = v_group AND analyzer = v_analyzer;
    IF v_again IS NULL OR (v_again = 'failed' AND v_known.outcome NOT IN ('failed', 'analysis-failed')) THEN RETURN false; END IF;
    IF build_watcher.retry_job(p_queue, v_known.id, p_now, (p_job ->> 'pool')::smallint) THEN RETURN true; END IF;
    UPDATE build_watcher.jobs SET again = true WHERE queue = p_queue AND id = v_known.id AND state = 'running';
    RETURN FOUND;
  END $$;
`;
