/** The settings of a text that is generated as a whole. */
export const ONE_PART = {
  parts: 1,
  stride: 0,
  blockLength: undefined,
  firstBlock: 0,
  endIds: [],
} as const;
