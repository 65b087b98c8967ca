// SPDX-License-Identifier: Apache-2.0
//
// Pictures for the test, without an image library: a photograph with its contrast lowered by editing its JPEG tables,
// and a grey PNG that shows nothing.
import { deflateSync, crc32 } from 'node:zlib';

// Every coefficient of a JPEG is stored divided by its table's step: smaller steps are less contrast, other pixels and
// other bytes, the same scene.
export function paler(jpeg, factor = 0.8) {
  const out = Buffer.from(jpeg);
  let at = 2;
  while (at + 4 < out.length && out[at] === 0xff && out[at + 1] !== 0xda) {
    const marker = out[at + 1];
    const length = out.readUInt16BE(at + 2);
    if (marker === 0xdb) {
      let p = at + 4;
      while (p < at + 2 + length) {
        const wide = out[p] >> 4;
        ++p;
        for (let i = 0; i < 64; ++i, p += wide ? 2 : 1) {
          if (wide) out.writeUInt16BE(Math.max(1, Math.round(out.readUInt16BE(p) * factor)), p);
          else out[p] = Math.max(1, Math.round(out[p] * factor));
        }
      }
    }
    at += 2 + length;
  }
  return out;
}

export function greyPng(side = 256) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(8 + body.length);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body) >>> 0, 4 + body.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head[8] = 8; // bits; colour type 0: grey
  const rows = Buffer.alloc(side * (side + 1), 128);
  for (let y = 0; y < side; ++y) rows[y * (side + 1)] = 0; // no filter
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}
