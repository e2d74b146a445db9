/** Writes a number of bytes for people: `1.36 GB`, `312 MB`, `4.50 kB`, `12 bytes`. */
export function bytesText(bytes: number): string {
  if (bytes < 1e3) return `${bytes} bytes`;
  if (bytes < 1e6) return `${(bytes / 1e3).toPrecision(3)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toPrecision(bytes < 1e8 ? 2 : 3)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
