/**
 * What a replica says and asks in one statement: jobs to add, how attempts ended, and which places are free. Over all replicas, a queue's exchanges run
 * one after the other. So no job is added under two names, and each exchange sees what the last one did.
 */
export const exchanging = `
  CREATE FUNCTION build_watcher.exchange(p_queue text, p_now bigint, p_added jsonb, p_ended jsonb, p_wanted jsonb) RETURNS json LANGUAGE plpgsql AS $$
  DECLARE
    v_added json;
    v_ended json;
    v_taken json;
  BEGIN
    PERFORM pg_advisory_xact_lock(1651993697, hashtext(p_queue));
    p_now := coalesce(p_now, build_watcher.now_ms());
    SELECT json_agg(build_watcher.add_job(p_queue, p_now, value)) INTO v_added FROM jsonb_array_elements(p_added);
    SELECT json_agg(build_watcher.settle_job(p_queue, p_now, value)) INTO v_ended FROM jsonb_array_elements(p_ended);
    IF p_wanted <> 'null' THEN
      SELECT coalesce(json_agg(taken ORDER BY turn), '[]') INTO v_taken FROM build_watcher.take_jobs(p_queue, p_now, p_wanted) AS taken;
    END IF;
    RETURN json_build_object('added', v_added, 'ended', v_ended, 'taken', v_taken);
  END $$;
`;
