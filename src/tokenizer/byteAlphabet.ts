/**
 * Lists the 256 characters that byte-level vocabularies write bytes as, in the order of GPT-2's
 * ids: first the bytes that are visible in Latin-1, as themselves, then the others from U+0100 on.
 * Original: `bytes_to_unicode` in GPT-2's `encoder.py`.
 */
export function byteAlphabet(): string[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const isVisible = (byte: number): boolean =>
    (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  return [
    ...bytes.filter(isVisible).map((byte) => String.fromCodePoint(byte)),
    ...bytes.filter((byte) => !isVisible(byte)).map((_, i) => String.fromCodePoint(256 + i)),
  ];
}
