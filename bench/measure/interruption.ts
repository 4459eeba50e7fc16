/** A benchmark that is interrupted takes what it started with it. */
export function onInterruption(kill: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      kill();
      process.exit(130);
    });
  }
}
