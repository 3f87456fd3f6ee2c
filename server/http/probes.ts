import { type HttpAnswer, text } from "./httpServer.js";

type State =
  /** It is not known yet whether there is a master. */
  | { readonly kind: "starting" }
  | { readonly kind: "ready" }
  | { readonly kind: "no-master"; readonly reason: string }
  | { readonly kind: "draining" };

/**
 * What the probes of a supervisor are told. A bridge that answers is alive, whatever it waits for: to restart it
 * would cure nothing. It is ready while it takes clients and has a master to work with.
 */
export class Probes {
  #state: State = { kind: "starting" };

  /** @param problem why no leading master can be used, as the log has it; empty if one answers */
  masterSeen(problem: string): void {
    this.#enter(problem === "" ? { kind: "ready" } : { kind: "no-master", reason: problem });
  }

  /** The bridge takes no more clients. From here nothing leads away. */
  drain(): void {
    this.#enter({ kind: "draining" });
  }

  get isReady(): boolean {
    return this.#state.kind === "ready";
  }

  /** 200 for as long as the process answers at all. */
  readonly alive = (): HttpAnswer => text(200, "alive");

  /** 200 while clients are served and a master leads; else 503 with the cause. */
  readonly ready = (): HttpAnswer => {
    switch (this.#state.kind) {
      case "ready":
        return text(200, "ready");
      case "starting":
        return text(503, "starting: no Mesos master has answered yet");
      case "no-master":
        return text(503, `no Mesos master: ${this.#state.reason.replace(/\s+/g, " ")}`);
      case "draining":
        return text(503, "draining: the bridge is about to end");
    }
  };

  #enter(next: State): void {
    if (this.#state.kind !== "draining") this.#state = next;
  }
}
