/**
 * S, as DESIGN.md puts it: each transition of a (rollout, wave, cluster) is recorded once and no wave starts before its
 * gate. Triggers of the test's own log what each transaction wrote; the log is then replayed, a transaction at a time.
 */
import { concurrencyOf } from '@flotilla/domain/rollout/amount';
import { isFinished, isInFlight } from '@flotilla/domain/rollout/outcome';
import type { OutcomeType } from '@flotilla/domain/rollout/state';
import type { Amount } from '@flotilla/domain/rollout/strategy';
import type { TestDatabase } from './postgres.ts';

/** To be called before the first rollout. */
export async function logTransitions(database: Pick<TestDatabase, 'query'>): Promise<void> {
  for (const statement of logStatements) await database.query(statement);
}

/** What of S does not hold. */
export async function transitionProblems(database: Pick<TestDatabase, 'query'>): Promise<string[]> {
  const written = await database.query<Written>(writtenSql);
  const waves = await database.query<WaveRow>(wavesSql);
  return [
    ...(await database.query<{ problem: string }>(repeatedSql)).map(({ problem }) => problem),
    ...replay(written, waves),
  ];
}

interface Written {
  /** Number of its transaction. */
  tx: string;
  rollout: string;
  target: string;
  wave: number;
  outcome: OutcomeType;
}

interface WaveRow {
  rollout: string;
  wave: number;
  name: string;
  maxConcurrent: Amount;
}

type Outcomes = Map<string, Written>;

function replay(written: readonly Written[], waves: readonly WaveRow[]): string[] {
  const problems: string[] = [];
  const byRollout = new Map<string, Outcomes>();
  const started = new Set<string>();
  for (const [, rows] of Map.groupBy(written, ({ tx }) => tx)) {
    for (const row of rows) outcomesOf(byRollout, row.rollout).set(row.target, row);
    for (const { rollout, wave } of rows.filter(({ outcome }) => outcome === 'Assigned')) {
      const about = waves.find((one) => one.rollout === rollout && one.wave === wave);
      const outcomes = [...outcomesOf(byRollout, rollout).values()];
      if (about === undefined) continue;
      problems.push(...overLimit(about, outcomes));
      if (started.has(`${rollout} ${wave}`)) continue;
      started.add(`${rollout} ${wave}`);
      problems.push(...tooEarly(about, outcomes));
    }
  }
  return [...new Set(problems)];
}

function outcomesOf(byRollout: Map<string, Outcomes>, rollout: string): Outcomes {
  const outcomes = byRollout.get(rollout) ?? new Map<string, Written>();
  byRollout.set(rollout, outcomes);
  return outcomes;
}

function overLimit({ rollout, wave, name, maxConcurrent }: WaveRow, outcomes: readonly Written[]): string[] {
  const limit = concurrencyOf(maxConcurrent, outcomes.filter((one) => one.wave === wave).length);
  const inFlight = outcomes.filter(({ outcome }) => isInFlight(outcome)).length;
  return inFlight <= limit
    ? []
    : [`${inFlight} targets were in flight in wave ${name} of ${rollout}, which allows ${limit}`];
}

function tooEarly({ rollout, wave, name }: WaveRow, outcomes: readonly Written[]): string[] {
  return outcomes
    .filter((one) => one.wave < wave && !isFinished(one.outcome))
    .map((one) => `wave ${name} of ${rollout} started while ${one.target} ahead of it was ${one.outcome}`);
}

const writtenSql = `
  SELECT tx::text, rollout_id::text AS rollout, target_id::text AS target, wave, outcome
  FROM logged_outcomes ORDER BY seq`;

const wavesSql = `
  SELECT r.id::text AS rollout, (w.at - 1)::int AS wave, w.settings->>'name' AS name,
    w.settings->'maxConcurrent' AS "maxConcurrent"
  FROM rollouts r CROSS JOIN LATERAL jsonb_array_elements(r.strategy->'waves') WITH ORDINALITY AS w(settings, at)`;

/** What may be there once at most, and is there more often; a target's assignments must rise one by one. */
const repeatedSql = `
  WITH told AS (
    SELECT e.rollout_id, e.kind, e.message, e.detail, t.target, t.assignment
    FROM rollout_events e LEFT JOIN LATERAL unnest(e.targets, e.assignments) AS t(target, assignment) ON true),
  counted(what, times) AS (
    SELECT format('assignment %s of %s became %s in %s', assignment, target_id, outcome, rollout_id), count(*)
      FROM logged_outcomes WHERE assignment IS NOT NULL GROUP BY assignment, target_id, outcome, rollout_id
    UNION ALL
    SELECT format('event of %s: assignment %s of %s is %s', rollout_id, assignment, target, detail->>'outcome'), count(*)
      FROM told WHERE kind = 'Outcome' AND assignment IS NOT NULL
      GROUP BY rollout_id, assignment, target, detail->>'outcome'
    UNION ALL
    SELECT format('event of %s: wave %s opened', rollout_id, detail->>'wave'), count(*)
      FROM told WHERE kind = 'WaveOpened' GROUP BY rollout_id, detail->>'wave'
    UNION ALL
    SELECT format('event of %s: %s', rollout_id, kind), count(*)
      FROM told WHERE kind IN ('Started', 'Closed') GROUP BY rollout_id, kind)
  SELECT format('%s: %s times', what, times) AS problem FROM counted WHERE times > 1
  UNION ALL
  SELECT format('assignment %s of %s came after %s', after, target_id, before) FROM logged_assignments
  WHERE after <> before + 1
  UNION ALL
  SELECT format('assignment %s of %s became %s in %s, and no event says so', assignment, target_id, outcome, rollout_id)
  FROM logged_outcomes l WHERE assignment IS NOT NULL AND outcome IN ('Assigned', 'Succeeded', 'Failed') AND NOT EXISTS (
    SELECT 1 FROM told t WHERE t.rollout_id = l.rollout_id AND t.target = l.target_id AND t.assignment = l.assignment
      AND t.detail->>'outcome' = l.outcome)
    AND EXISTS (SELECT 1 FROM rollouts r WHERE r.id = l.rollout_id)`;

const logStatements = [
  `CREATE TABLE logged_outcomes (seq bigserial PRIMARY KEY, tx xid8 DEFAULT pg_current_xact_id(), rollout_id uuid,
     target_id uuid, wave int, outcome text, assignment bigint)`,
  `CREATE INDEX ON logged_outcomes (rollout_id, target_id)`,
  `CREATE TABLE logged_assignments (seq bigserial PRIMARY KEY, target_id uuid, before bigint, after bigint)`,
  // What is stored in another place and says what it said before is no transition.
  `CREATE FUNCTION log_written(rollout uuid, of_target uuid, in_wave int, now_is text, by bigint) RETURNS void LANGUAGE sql AS $$
     INSERT INTO logged_outcomes (rollout_id, target_id, wave, outcome, assignment)
     SELECT rollout, of_target, in_wave, now_is, by WHERE NOT EXISTS (
       SELECT 1 FROM (SELECT outcome, assignment FROM logged_outcomes WHERE rollout_id = rollout AND target_id = of_target
                       ORDER BY seq DESC LIMIT 1) l
       WHERE (l.outcome, l.assignment) IS NOT DISTINCT FROM (now_is, by)) $$`,
  `CREATE FUNCTION log_outcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     PERFORM log_written(NEW.rollout_id, NEW.target_id, NEW.wave, NEW.outcome, NEW.assignment);
     RETURN NULL; END $$`,
  `CREATE FUNCTION log_pack() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     PERFORM log_written(NEW.rollout_id, m.target, NEW.wave, NEW.outcome, m.assignment)
       FROM unnest(NEW.targets, NEW.assignments) AS m(target, assignment);
     RETURN NULL; END $$`,
  `CREATE FUNCTION log_assignment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO logged_assignments (target_id, before, after) VALUES (NEW.id, OLD.assignment, NEW.assignment);
     RETURN NULL; END $$`,
  `CREATE TRIGGER log_outcome AFTER INSERT OR UPDATE ON rollout_targets FOR EACH ROW EXECUTE FUNCTION log_outcome()`,
  `CREATE TRIGGER log_pack AFTER INSERT ON rollout_packs FOR EACH ROW EXECUTE FUNCTION log_pack()`,
  `CREATE TRIGGER log_assignment AFTER UPDATE ON targets FOR EACH ROW
     WHEN (OLD.assignment IS DISTINCT FROM NEW.assignment) EXECUTE FUNCTION log_assignment()`,
];
