const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** "512 KiB", "37 MiB", "4.6 GiB", "120 GiB", "2.0 TiB". */
export function size(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / KIB;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 1 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
