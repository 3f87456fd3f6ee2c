export declare function releaseVersion(read?: (file: string) => string): string;
