/** What the processes of a benchmark tell each other: small objects over Node's IPC channel. */
export interface Report {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** What a process of a benchmark must do. */
export interface Command {
  readonly command: string;
  readonly value?: unknown;
}

export function report(message: Report): void {
  process.send?.(message);
}

/** Runs the handler that a command names; ends the process when the parent goes away. */
export function onCommand(handlers: Record<string, (value: unknown) => void>): void {
  process.on("message", (message: Command) => {
    const handler = handlers[message.command];
    if (!handler) throw new Error(`unknown command ${message.command}`);
    handler(message.value);
  });
  process.on("disconnect", () => process.exit(0));
}
