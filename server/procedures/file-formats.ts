/** The forms that a list has as a file, for the server and for who asks it. */
export const fileFormats = ['ndjson', 'csv'] as const;
export type FileFormat = (typeof fileFormats)[number];

export const fileTypes: Readonly<Record<FileFormat, string>> = { ndjson: 'application/x-ndjson', csv: 'text/csv' };

/** The query key that chooses the form; no list has an input of this name. */
export const formatKey = 'format';
