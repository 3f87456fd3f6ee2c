import { languageNamed } from "./drivers.js";
import { testConformance } from "./suite.js";

testConformance(languageNamed("Python (blocking)"));
