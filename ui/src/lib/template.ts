// Fills the placeholders of the catalogue (`assets/i18n`), as crates/api does: `{name}` is a text, `{name:FORMAT}` a value
// in a format of ./format.ts, `{name|one|many}` a count with its noun. What is filled in is not looked at again.

export type Value = string | number | Date;
export type Values = Record<string, Value>;
export type Formats = Record<string, (value: Value) => string>;

/** Fills a template; what is missing shows as its placeholder, so that nobody overlooks it. */
export function fill(template: string, values: Values, formats: Formats): string {
  return template.replace(/\{([^{}]+)\}/g, (whole, inside: string) => {
    const [counted, one, many] = inside.split('|');
    if (counted !== undefined && one !== undefined && many !== undefined) {
      const count = values[counted];
      if (count === undefined) return whole;
      return `${formats['count']?.(count) ?? count} ${Number(count) === 1 ? one : many}`;
    }
    const [name, format] = inside.split(':');
    const value = name === undefined ? undefined : values[name];
    if (value === undefined) return whole;
    if (format === undefined) return typeof value === 'number' ? (formats['count']?.(value) ?? `${value}`) : String(value);
    return formats[format]?.(value) ?? whole;
  });
}
