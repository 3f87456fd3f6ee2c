import { afterEach, describe, expect, test } from "vitest";
import { describeEachMesos } from "../support/cluster.js";
import { frameworkInfo } from "../support/messages.js";
import { MesosScheduler, type PartialCall } from "../support/scheduler.js";

type Constraints = NonNullable<NonNullable<PartialCall["subscribe"]>["offerConstraints"]>;
type Group = NonNullable<NonNullable<Constraints["roleConstraints"]>[string]>["groups"];
type Constraint = NonNullable<NonNullable<NonNullable<Group>[number]>["attributeConstraints"]>[number];

const attributes = "rack:abc;rack:second;num:3;wide:äöü;line:a.b";
const flags = { allocation_interval: "50ms" };

const of = (name: string, predicate: NonNullable<Constraint["predicate"]>["predicate"]): Constraint => ({
  selector: { selector: { $case: "attributeName", value: name } },
  predicate: { predicate },
});
const matches = (regex: string, name = "rack") => of(name, { $case: "textMatches", value: { regex } });
const matchesNot = (regex: string, name = "rack") => of(name, { $case: "textNotMatches", value: { regex } });
const equals = (value: string, name = "rack") => of(name, { $case: "textEquals", value: { value } });
const differs = (value: string, name = "rack") => of(name, { $case: "textNotEquals", value: { value } });

describeEachMesos("offer constraints", { attributes, flags }, (mesos) => {
  let scheduler: MesosScheduler;
  afterEach(async () => {
    if (scheduler.frameworkId !== undefined) await scheduler.call("TEARDOWN");
    scheduler.stop();
  });

  /** @returns what the subscription was refused with */
  async function subscribe(constraint: Constraint) {
    scheduler = new MesosScheduler(mesos());
    const offerConstraints = { roleConstraints: { "*": { groups: [{ attributeConstraints: [constraint] }] } } };
    const stream = await scheduler.open(frameworkInfo(), { offerConstraints });
    const { event } = await stream.take(({ subscribed, error }) => Boolean(subscribed ?? error));
    scheduler.frameworkId = event.subscribed?.frameworkId?.value;
    return event.error?.message;
  }

  async function isOffered(constraint: Constraint): Promise<boolean> {
    expect(await subscribe(constraint)).toBeUndefined();
    return scheduler.offer({ timeoutMs: 500 }).then(
      () => true,
      () => false,
    );
  }

  describe("of the first attribute of a name", () => {
    test.each([
      ["its value", equals("abc"), true],
      ["the second value", equals("second"), false],
      ["not its value", differs("abc"), false],
      ["not the second value", differs("second"), true],
      ["an expression of its value", matches("a.c"), true],
      ["an expression of the second value", matches("sec.*"), false],
      ["no expression of its value", matchesNot("a.c"), false],
      ["no expression of the second value", matchesNot("sec.*"), true],
      ["an expression of a number", matches("nothing", "num"), true],
    ])("%s", async (_, constraint, offered) => {
      expect(await isOffered(constraint)).toBe(offered);
    });
  });

  describe("expressions match all of a value, as RE2 does", () => {
    test.each(
      [
        [matches("ab"), false],
        [matches("abc|x"), true],
        [matches("x|ab"), false],
        [matches("(?i)ABC"), true],
        [matches("[[:alpha:]]{3}"), true],
        [matches("\\x{61}\\Qbc\\E"), true],
        [matches("\\Aabc\\z"), true],
        [matches("a\\Cc"), true],
        [matches("(?P<n>a)(?P<n>b)c"), true],
        [matches("[a&&b]bc"), true],
        [matches("...", "wide"), true],
        [matches("[ä-ü]+", "wide"), true],
        [matches("\\w+", "wide"), false],
        [matches("a.b", "line"), true],
        [matches("a\\.b", "line"), true],
      ].filter(([, offered]) => offered !== undefined) as [Constraint, boolean][],
    )("%j: %s", async (constraint, offered) => {
      expect(await isOffered(constraint)).toBe(offered);
    });
  });

  describe("expressions that can't be read are refused in RE2's words", () => {
    const WHY = "Failed to construct regex from pattern";
    test.each([
      ["(", "missing ): ("],
      [")", "unexpected ): )"],
      ["[a", "missing ]: [a"],
      ["a**", "bad repetition operator: **"],
      ["*", "no argument for repetition operator: *"],
      ["a{1001}", "invalid repetition size: {1001}"],
      ["a{2,1}", "invalid repetition size: {2,1}"],
      ["(a{100}){100}", "invalid repetition size: {100}"],
      ["a{1000}", "pattern too large - compile failed"],
      ["(a)\\1", "invalid escape sequence: \\1"],
      ["(?=a)", "invalid perl operator: (?="],
      ["(?<n>a)", "invalid perl operator: (?<"],
      ["((?<n>a)", "invalid perl operator: (?<"],
      ["[b-a](?<n>a)", "invalid character class range: b-a"],
      ["(?P<n", "invalid named capture group: (?P<n"],
      ["\\", "trailing \\"],
      ["[[:nope:]]", "invalid character class range: [:nope:]"],
      ["\\Z", "invalid escape sequence: \\Z"],
    ])("%s: %s", async (regex, why) => {
      const refused = `A role * has an invalid 'AttributeConstraint': ${WHY} '${regex}': ${why}`;
      expect(await subscribe(matches(regex))).toBe(refused);
      scheduler.stop();
      expect(await subscribe(matchesNot(regex))).toBe(refused);
    });

    test.each([
      ["a{97}", 101],
      ["(a{10}){10}", 124],
      // Beyond ASCII, bytes count.
      [".{13}", 108],
      ["(?s).{15}", 109],
      ["[^a]{13}", 108],
      ["\\D{15}", 124],
      ["[α-ω]{30}", 124],
      ["[β-δ]{50}", 104],
      ["é{60}", 124],
      ["☃{50}", 154],
      ["[☃-☆]{40}", 124],
      ["[a-é]{40}", 204],
      ["[\\x{800}-\\x{FFFF}]{30}", 154],
      ["(?i)k{30}", 124],
      ["(?i)s{40}", 124],
      ["(?i)é{49}", 151],
      ["a*b{97}", 102],
      ["(a*){50}", 154],
      ["(ab|cd){40}", 244],
    ])("%s is too complex", async (regex, size) => {
      const why = `Regex '${regex}' is too complex: program size of ${size} is larger than maximum of 100 allowed`;
      const refused = `A role * has an invalid 'AttributeConstraint': ${why}`;
      expect(await subscribe(matches(regex))).toBe(refused);
    });

    test.each([
      "\\pL",
      "\\PL",
      "\\p{Greek}{5}",
      ".{25}",
      "^.{24}",
      "\\w{97}",
      "(?i)k{60}",
      "[\\x{10000}-\\x{10FFFF}]{30}",
    ])("%s is too large", async (regex) => {
      const refused = `A role * has an invalid 'AttributeConstraint': ${WHY} '${regex}': pattern too large - compile failed`;
      expect(await subscribe(matches(regex))).toBe(refused);
    });

    test.each([
      ".{12}",
      "[^a]{12}",
      "[α-ω]{20}",
      "é{40}",
      "(?i)a{96}",
      "\\d{96}",
      "^a{97}$",
      "[^\\x00-\\x{10FFFF}]{100}",
    ])("'%s' is fine, in bytes", async (regex) => {
      expect(await subscribe(matches(regex))).toBeUndefined();
    });

    test.each(["a{96}", "[(?<n>]", "\\Q(?<n>\\E", "\\(?<n>a", "a??", "a{,2}", ""])("'%s' is fine", async (regex) => {
      expect(await subscribe(matches(regex))).toBeUndefined();
    });
  });

  test("a pseudoattribute that is unknown is refused", async () => {
    const predicate = { predicate: { $case: "exists" as const, value: {} } };
    const selector = { selector: { $case: "pseudoattributeType" as const, value: 0 } };
    expect(await subscribe({ selector, predicate })).toBe(
      "A role * has an invalid 'AttributeConstraint': Unknown pseudoattribute type",
    );
  });
});
