/** The package brings no types; these are of what its README shows. */
declare module 'parse-prometheus-text-format' {
  export type Family = {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly metrics: readonly {
      readonly value?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly buckets?: Readonly<Record<string, string>>;
      readonly count?: string;
      readonly sum?: string;
    }[];
  };
  // biome-ignore lint/style/noDefaultExport: it is what the package exports
  export default function parse(text: string): readonly Family[];
}
