import { errorText } from "../../wire/errorText.js";
import type { LeveledLog } from "../log.js";
import { shownValue } from "./configShow.js";
import { type AnyOption, keyOf } from "./options.js";
import { originText } from "./origin.js";
import { RELOADED } from "./reloadable.js";
import { parseServeConfig, type ServeConfig } from "./serveConfig.js";
import { SERVE_OPTIONS } from "./serveOptions.js";
import { gatherSettings, type Settings, type Sources } from "./settings.js";

export interface ReloaderOptions {
  readonly sources: Sources;
  /** What the bridge was started with. */
  readonly config: ServeConfig;
  /** Its level is set. */
  readonly log: LeveledLog;
  /** Takes what may change while the bridge runs. */
  readonly apply: (config: ServeConfig) => void;
  /** Looks at all files that the bridge follows. Gives the reasons why some can't be used, of which the former content counts. */
  readonly lookAtFiles: () => Promise<string[]>;
}

/** Reads run one after another. However often one is asked for meanwhile, one more follows. */
type State = "idle" | "reading" | "reading, and asked again";
type Event = "asked" | "done";

function next(state: State, event: Event): State {
  if (event === "asked") return state === "idle" ? "reading" : "reading, and asked again";
  return state === "reading, and asked again" ? "reading" : "idle";
}

type ServeSettings = Settings<typeof SERVE_OPTIONS>;
type Name = keyof typeof SERVE_OPTIONS;

/** Takes over what changed in the configuration of a running bridge, and says what needs a restart. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #state: State = "idle";
  /** What counts at the moment. */
  #running: ServeConfig;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#running = options.config;
  }

  /** Reads the configuration again, and the files that it names. Soon, if that is under way. */
  reload(): void {
    const { log } = this.#options;
    if (!this.#began("asked")) return;
    const read = async (): Promise<void> => {
      do await this.#read();
      while (this.#began("done"));
    };
    read().catch((error: unknown) => log.error({ err: error }, "reading the configuration again failed"));
  }

  /** Debug lines begin, or end: then the level is the configured one again. */
  toggleDebug(): void {
    const { log } = this.#options;
    const { logLevel } = this.#running;
    if (log.level !== "debug") {
      log.level = "debug";
      log.info({ logLevel: "debug" }, "SIGUSR2: the log has debug lines from now on; another SIGUSR2 ends that");
    } else if (logLevel === "debug") {
      log.info({ logLevel }, "SIGUSR2: the log keeps its debug lines, because debug is the configured level");
    } else {
      // While the log takes lines of this kind.
      log.info({ logLevel }, "SIGUSR2: the log has its configured level again");
      log.level = logLevel;
    }
  }

  /** True if a read is to begin now. */
  #began(event: Event): boolean {
    const before = this.#state;
    this.#state = next(before, event);
    return event === "asked" ? before === "idle" : this.#state === "reading";
  }

  async #read(): Promise<void> {
    const { log, lookAtFiles } = this.#options;
    const taken = this.#take();
    const unusable = await lookAtFiles();
    if (unusable.length > 0) {
      log.warn({ reasons: unusable }, "SIGHUP: files can't be used as they are now: what they held before counts");
    }
    if (taken) log.info(taken, "SIGHUP: the configuration and the files that it names were read again");
  }

  /** Undefined if the configuration can't be used. */
  #take(): { changed: string[]; needRestart: string[] } | undefined {
    const { log, sources } = this.#options;
    let settings: ServeSettings | undefined;
    try {
      settings = gatherSettings(SERVE_OPTIONS, sources);
      return this.#compare(settings, parseServeConfig(settings.typed));
    } catch (error) {
      const reason = settings?.explain(errorText(error)) ?? errorText(error);
      log.error({ reason }, "SIGHUP: the configuration can't be used: what runs stays as it is");
      return undefined;
    }
  }

  #compare(settings: ServeSettings, config: ServeConfig): { changed: string[]; needRestart: string[] } {
    const { apply } = this.#options;
    const before = this.#running;
    const differing = (Object.keys(SERVE_OPTIONS) as Name[]).filter((name) => !isSame(config[name], before[name]));
    const changed = RELOADED.filter((name) => differing.includes(name));
    const needRestart = differing.filter((name) => !changed.some((each) => each === name));
    this.#running = { ...before, ...Object.fromEntries(changed.map((name) => [name, config[name]])) };
    apply(this.#running);
    // A level that AdminService or SIGUSR2 set stays until another one is configured.
    if (config.logLevel !== before.logLevel) this.#options.log.level = config.logLevel;
    for (const name of changed) this.#tell(name, settings, "info", "counts from now on");
    for (const name of needRestart) {
      this.#tell(
        name,
        settings,
        "warn",
        "was changed, which needs a restart of the bridge: until then its former value counts",
      );
    }
    return { changed: changed.map(keyOf), needRestart: needRestart.map(keyOf) };
  }

  #tell(name: Name, settings: ServeSettings, level: "info" | "warn", what: string): void {
    const setting = settings.all.get(name);
    const option: AnyOption = SERVE_OPTIONS[name];
    if (!setting) return;
    const value = shownValue(option, setting.value);
    const source = originText(name, option, setting.origin);
    this.#options.log[level]({ option: keyOf(name), value, source }, `SIGHUP: ${keyOf(name)} ${what}`);
  }
}

/** Of values that consist of texts, numbers and lists. */
const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
