/** Recording how an attempt ended: nothing happens, and no row is answered, when the claim no longer holds. */
export const settling = `
  CREATE FUNCTION build_watcher.settle_job(p_number bigint, p_token text, p_now bigint, p_outcome text, p_delay bigint, p_reason text, p_message text,
    p_host text, p_failing_for bigint, p_given_up_after bigint, p_result text, p_analysis text, p_covers text, p_output text, p_base text,
    p_alive boolean) RETURNS SETOF build_watcher.jobs LANGUAGE plpgsql AS $$
  DECLARE
    v_job build_watcher.jobs;
  BEGIN
    p_now := coalesce(p_now, build_watcher.now_ms());
    IF p_outcome = 'done' THEN
      UPDATE build_watcher.jobs SET state = 'done', claim = NULL, replica = NULL, settled = p_token, updated_at = p_now, error_reason = NULL, error_message = NULL,
          error_host = NULL, given_up_after = NULL, crashes = 0, result = coalesce(p_result, result), analysis = p_analysis,
          covers = coalesce(covers, p_covers), output_digest = coalesce(output_digest, p_output), base_digest = coalesce(base_digest, p_base)
        WHERE number = p_number AND claim = p_token RETURNING * INTO v_job;
    ELSIF p_outcome = 'interrupted' THEN
      UPDATE build_watcher.jobs SET state = 'waiting', claim = NULL, replica = NULL, settled = p_token, updated_at = p_now, due_at = p_now
        WHERE number = p_number AND claim = p_token RETURNING * INTO v_job;
    ELSE
      UPDATE build_watcher.jobs SET state = CASE WHEN p_delay IS NULL THEN 'failed' ELSE 'waiting' END, claim = NULL, replica = NULL, settled = p_token,
          updated_at = p_now, due_at = p_now + p_delay, error_reason = p_reason, error_message = p_message, error_host = p_host,
          failures = failures + 1, failing_since = coalesce(failing_since, p_now), failing_for = p_failing_for, given_up_after = p_given_up_after
        WHERE number = p_number AND claim = p_token RETURNING * INTO v_job;
    END IF;
    IF v_job.number IS NULL THEN
      RETURN QUERY SELECT * FROM build_watcher.jobs WHERE number = p_number AND settled = p_token;
      RETURN;
    END IF;
    IF p_alive THEN
      UPDATE build_watcher.gates SET gate = '{"kind": "open", "against": []}'
        WHERE queue = v_job.queue AND analyzer = v_job.analyzer AND gate ->> 'kind' = 'open' AND gate -> 'against' <> '[]';
    END IF;
    IF v_job.again THEN
      UPDATE build_watcher.jobs SET state = 'waiting', due_at = p_now, again = false, failures = 0, failing_since = NULL, failing_for = 0,
          error_reason = NULL, error_message = NULL, error_host = NULL, given_up_after = NULL
        WHERE number = p_number;
    END IF;
    RETURN NEXT v_job;
  END $$;
`;
