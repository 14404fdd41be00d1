export class EngineError extends Error {
  override readonly name = 'EngineError';
}
