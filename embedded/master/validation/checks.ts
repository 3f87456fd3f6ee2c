import {
  type CheckInfo,
  CheckInfo_Type,
  type CommandInfo,
  type Environment,
  Environment_Variable_Type,
  type HealthCheck,
  HealthCheck_Type,
  type Secret,
  Secret_Type,
} from "../../../gen/mesos/v1/mesos.js";

/** What is wrong with a task's check, or undefined. */
export function invalidCheck(check: CheckInfo): string | undefined {
  if (check.type === undefined) return "CheckInfo must specify 'type'";
  if (check.type === CheckInfo_Type.UNKNOWN) return "'UNKNOWN' is not a valid check type";
  if (check.type === CheckInfo_Type.COMMAND) {
    if (!check.command) return "Expecting 'command' to be set for COMMAND check";
    const error = invalidCheckCommand("check", check.command.command);
    if (error !== undefined) return error;
  }
  if (check.type === CheckInfo_Type.HTTP) {
    if (!check.http) return "Expecting 'http' to be set for HTTP check";
    if (check.http.path !== undefined && !check.http.path.startsWith("/")) {
      return `The path '${check.http.path}' of HTTP check must start with '/'`;
    }
  }
  if (check.type === CheckInfo_Type.TCP && !check.tcp) return "Expecting 'tcp' to be set for TCP check";
  return invalidTimes(check);
}

/** What is wrong with a task's health check, whose type was inferred, or undefined. */
export function invalidHealthCheck(check: HealthCheck): string | undefined {
  if (check.type === undefined) return "HealthCheck must specify 'type'";
  if (check.type === HealthCheck_Type.UNKNOWN) return "'UNKNOWN' is not a valid health check type";
  if (check.type === HealthCheck_Type.COMMAND) {
    if (!check.command) return "Expecting 'command' to be set for COMMAND health check";
    const error = invalidCheckCommand("health check", check.command);
    if (error !== undefined) return error;
  }
  if (check.type === HealthCheck_Type.HTTP) {
    if (!check.http) return "Expecting 'http' to be set for HTTP health check";
    const { scheme, path } = check.http;
    if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
      return `Unsupported HTTP health check scheme: '${scheme}'`;
    }
    if (path !== undefined && !path.startsWith("/"))
      return `The path '${path}' of HTTP health check must start with '/'`;
  }
  if (check.type === HealthCheck_Type.TCP && !check.tcp) return "Expecting 'tcp' to be set for TCP health check";
  if ((check.gracePeriodSeconds ?? 0) < 0) return "Expecting 'grace_period_seconds' to be non-negative";
  return invalidTimes(check);
}

function invalidTimes(check: {
  delaySeconds?: number | undefined;
  intervalSeconds?: number | undefined;
  timeoutSeconds?: number | undefined;
}): string | undefined {
  if ((check.delaySeconds ?? 0) < 0) return "Expecting 'delay_seconds' to be non-negative";
  if ((check.intervalSeconds ?? 0) < 0) return "Expecting 'interval_seconds' to be non-negative";
  if ((check.timeoutSeconds ?? 0) < 0) return "Expecting 'timeout_seconds' to be non-negative";
  return undefined;
}

function invalidCheckCommand(what: string, command: CommandInfo | undefined): string | undefined {
  if (command?.value === undefined) {
    const missing = (command?.shell ?? true) ? "'shell command'" : "'executable path'";
    return `Command ${what} must contain ${missing}`;
  }
  const error = invalidCommand(command);
  return error === undefined ? undefined : `Check's \`CommandInfo\` is invalid: ${error}`;
}

/** What is wrong with the environment of a command, or undefined. */
export function invalidCommand(command: CommandInfo): string | undefined {
  return command.environment && invalidEnvironment(command.environment);
}

function wrongSecret({ type, reference, value }: Secret): string | undefined {
  const invalid = "an invalid secret: Secret";
  if (type === Secret_Type.REFERENCE) {
    if (!reference) return `${invalid} of type REFERENCE must have the 'reference' field set`;
    if (value) return `${invalid} '${reference.name}' of type REFERENCE must not have the 'value' field set`;
  }
  if (type === Secret_Type.VALUE) {
    if (!value) return `${invalid} of type VALUE must have the 'value' field set`;
    if (reference) return `${invalid} of type VALUE must not have the 'reference' field set`;
  }
  if (!value?.data?.includes(0)) return undefined;
  return "a secret containing null bytes, which is not allowed in the environment";
}

function invalidEnvironment(environment: Environment): string | undefined {
  for (const { name, type, value, secret } of environment.variables) {
    switch (type ?? Environment_Variable_Type.VALUE) {
      case Environment_Variable_Type.SECRET: {
        if (!secret) return `Environment variable '${name}' of type 'SECRET' must have a secret set`;
        if (value !== undefined) return `Environment variable '${name}' of type 'SECRET' must not have a value set`;
        const wrong = wrongSecret(secret);
        if (wrong !== undefined) return `Environment variable '${name}' specifies ${wrong}`;
        break;
      }
      case Environment_Variable_Type.VALUE:
        if (value === undefined) return `Environment variable '${name}' of type 'VALUE' must have a value set`;
        if (secret) return `Environment variable '${name}' of type 'VALUE' must not have a secret set`;
        break;
      default:
        return "Environment variable of type 'UNKNOWN' is not allowed";
    }
  }
  return undefined;
}
