/** Why a rollout of the restored past was closed: what had been proposed by it is proposed anew. */
export const supersededByRecovery = 'recovered from a restored backup';
