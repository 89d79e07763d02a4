// Hands a text to the browser as a file.

export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // After the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A cell of a table that spreadsheets read: quoted, and never taken for a formula. */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

export const csv = (rows: readonly (readonly string[])[]): string =>
  // The mark lets Excel see that this is UTF-8.
  `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
