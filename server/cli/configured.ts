import { errorText } from "../../wire/errorText.js";
import { OptionsError } from "./options.js";
import { parseServeConfig, type ServeConfig } from "./serveConfig.js";
import { SERVE_OPTIONS } from "./serveOptions.js";
import { gatherSettings, type Sources } from "./settings.js";

/**
 * What `serve` would be configured with, from flags, the environment and the file of --config.
 *
 * @throws OptionsError with all problems, each of which names the option and where it comes from
 */
export function configFrom(sources: Sources): ServeConfig {
  const settings = gatherSettings(SERVE_OPTIONS, sources);
  try {
    return parseServeConfig(settings.typed);
  } catch (error) {
    const problems = error instanceof OptionsError ? error.problems : [errorText(error)];
    throw new OptionsError(problems.map((problem) => settings.explain(problem)));
  }
}
