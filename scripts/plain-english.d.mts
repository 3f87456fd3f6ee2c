/** What tests use of plain-english.mjs. */
export declare function problemsOf(file: string, text: string): string[];
