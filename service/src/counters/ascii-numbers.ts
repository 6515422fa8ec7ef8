// Whole numbers as plain ASCII of a fixed length, which Lua reads with one `struct.unpack` for many of them.
// Text in decimal digits costs a script an argument and a conversion per number; bytes would do, but arguments are text.
// So a number n ≥ 0 is written as two, little endian: its bytes without their high bits, then their high bits halved.
// Read as a and b they have no high bit anywhere, and n = a + 2 b.

/** `n` in twice `bytes` characters; it must be below 256 ** bytes. */
export function asciiNumber(n: number, bytes: number): string {
  let low = "";
  let high = "";
  let rest = n;
  for (let i = 0; i < bytes; i += 1) {
    const byte = rest % 256;
    low += String.fromCharCode(byte & 0x7f);
    high += String.fromCharCode((byte & 0x80) >> 1);
    rest = (rest - byte) / 256;
  }
  if (rest !== 0) throw new RangeError(`${n} needs more than ${bytes} bytes: give it more, here and in the script`);
  return low + high;
}

/** A small number, below 2 ** 14, in two characters of seven bits each, the lower first. */
export function asciiIndex(n: number): string {
  return String.fromCharCode(n & 0x7f, n >> 7);
}
