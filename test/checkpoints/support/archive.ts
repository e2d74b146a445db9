/** A zip archive such as `torch.save` writes: stored entries, `NAME/data.pkl` among them. */

const ENTRY_METHOD_AT = 10;

export interface ArchiveOptions {
  /** Bytes of the one tensor. */
  readonly payload?: Buffer;
  readonly pickleName?: string;
  /** 0 is stored. */
  readonly method?: number;
  /** Ends with the 64-bit records. */
  readonly wide?: boolean;
  readonly comment?: string;
}

export function archive(options: ArchiveOptions = {}): Buffer {
  const { payload = Buffer.alloc(1000, 7), pickleName = "model/data.pkl", method = 0 } = options;
  const files: [string, Buffer][] = [
    [pickleName, Buffer.from([0x80, 2, 0x7d, 0x2e])],
    ["model/data/0", payload],
    ["model/version", Buffer.from("3\n")],
  ];
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of files) {
    const local = Buffer.alloc(30 + name.length);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(name.length, 26);
    local.write(name, 30);
    entries.push(entry(name, bytes.length, at, method, options.wide === true));
    parts.push(local, bytes);
    at += local.length + bytes.length;
  }
  const directory = Buffer.concat(entries);
  const ends = options.wide === true ? [end64(directory.length, at)] : [];
  const comment = Buffer.from(options.comment ?? "");
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(options.wide === true ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(options.wide === true ? 0xffffffff : at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, directory, ...ends, end, comment]);
}

function entry(name: string, size: number, at: number, method: number, wide: boolean): Buffer {
  const extra = Buffer.alloc(wide ? 28 : 0);
  if (wide) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    [size, size, at].forEach((value, i) => extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i));
  }
  const bytes = Buffer.alloc(46 + name.length);
  bytes.writeUInt32LE(0x02014b50, 0);
  bytes.writeUInt16LE(method, ENTRY_METHOD_AT);
  bytes.writeUInt32LE(wide ? 0xffffffff : size, 20);
  bytes.writeUInt32LE(wide ? 0xffffffff : size, 24);
  bytes.writeUInt16LE(name.length, 28);
  bytes.writeUInt16LE(extra.length, 30);
  bytes.writeUInt32LE(wide ? 0xffffffff : at, 42);
  bytes.write(name, 46);
  return Buffer.concat([bytes, extra]);
}

function end64(length: number, at: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(BigInt(length), 40);
  record.writeBigUInt64LE(BigInt(at), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(at + length), 64);
  return record;
}
