/** How a phase, a wave or the hooks of a phase ended. */
export type PhaseOutcome = { ok: true } | { ok: false; message: string };
