/**
 * Recording how an attempt ended. Returns the job, or null without a change if the claim is no longer valid. If the verdict depends on the analyzer's
 * gate and the gate has changed since, nothing is changed either, and the gate is returned with the time.
 */
export const settling = `
  CREATE FUNCTION build_watcher.settle_job(p_queue text, p_now bigint, p_end jsonb) RETURNS json LANGUAGE plpgsql AS $$
  DECLARE
    v_number bigint := p_end ->> 'number';
    v_token text := p_end ->> 'token';
    v_analyzer text := p_end ->> 'analyzer';
    v_outcome text := p_end ->> 'outcome';
    v_gate jsonb;
    v_job build_watcher.jobs;
  BEGIN
    IF (p_end ->> 'gated')::boolean THEN
      SELECT gate INTO v_gate FROM build_watcher.gates WHERE queue = p_queue AND analyzer = v_analyzer;
      IF NOT FOUND THEN RAISE 'The analyzer % has no gate', v_analyzer; END IF;
      IF v_gate IS DISTINCT FROM p_end -> 'before' AND EXISTS (SELECT 1 FROM build_watcher.jobs WHERE number = v_number AND claim = v_token) THEN
        RETURN json_build_object('gate', v_gate, 'now', p_now);
      END IF;
    END IF;
    IF v_outcome = 'done' THEN
      UPDATE build_watcher.jobs SET state = 'done', claim = NULL, replica = NULL, settled = v_token, updated_at = p_now, error_reason = NULL, error_message = NULL,
          error_host = NULL, given_up_after = NULL, crashes = 0, result = coalesce(p_end ->> 'result', result), analysis = p_end ->> 'analysis',
          covers = coalesce(covers, p_end ->> 'covers'), output_digest = coalesce(output_digest, p_end ->> 'output'),
          base_digest = coalesce(base_digest, p_end ->> 'base')
        WHERE number = v_number AND claim = v_token RETURNING * INTO v_job;
    ELSIF v_outcome = 'interrupted' THEN
      UPDATE build_watcher.jobs SET state = 'waiting', claim = NULL, replica = NULL, settled = v_token, updated_at = p_now, due_at = p_now
        WHERE number = v_number AND claim = v_token RETURNING * INTO v_job;
    ELSE
      UPDATE build_watcher.jobs SET state = CASE v_outcome WHEN 'failed' THEN 'failed' ELSE 'waiting' END, claim = NULL, replica = NULL, settled = v_token,
          updated_at = p_now, due_at = p_now + (p_end ->> 'delay')::bigint, error_reason = p_end ->> 'reason', error_message = p_end ->> 'message',
          error_host = p_end ->> 'host', failures = failures + 1, failing_since = coalesce(failing_since, p_now),
          failing_for = (p_end ->> 'failingFor')::bigint, given_up_after = (p_end ->> 'givenUpAfter')::bigint
        WHERE number = v_number AND claim = v_token RETURNING * INTO v_job;
    END IF;
    IF v_job.number IS NULL THEN
      -- The same statement again, because nobody heard its answer, has nothing left to do.
      RETURN (SELECT json_build_object('job', settled_job) FROM build_watcher.jobs AS settled_job WHERE number = v_number AND settled = v_token);
    END IF;
    IF (p_end ->> 'gated')::boolean THEN
      UPDATE build_watcher.gates SET gate = p_end -> 'after' WHERE queue = p_queue AND analyzer = v_analyzer AND gate <> p_end -> 'after';
    ELSIF (p_end ->> 'isAlive')::boolean THEN
      UPDATE build_watcher.gates SET gate = '{"kind": "open", "against": []}'
        WHERE queue = p_queue AND analyzer = v_analyzer AND gate ->> 'kind' = 'open' AND gate -> 'against' <> '[]';
    END IF;
    IF v_job.again THEN
      UPDATE build_watcher.jobs SET state = 'waiting', due_at = p_now, again = false, failures = 0, failing_since = NULL, failing_for = 0,
          error_reason = NULL, error_message = NULL, error_host = NULL, given_up_after = NULL
        WHERE number = v_number;
    END IF;
    RETURN json_build_object('job', v_job);
  END $$;
`;
