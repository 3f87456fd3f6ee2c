/** An option can't be used; the message says which one and why. */
export class OptionError extends TypeError {
  override readonly name = "OptionError";
}
