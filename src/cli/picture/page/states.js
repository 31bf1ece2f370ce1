'use strict';
// Who may access each page at one moment.

const chunk_pages = 32768;

function bits_in(n) {
  n -= n >>> 1 & 0x55555555;
  n = (n & 0x33333333) + (n >>> 2 & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

// The bits of word w that stand for pages [first, last).
function mask_of(w, first, last) {
  const begin = Math.max(first - w * 32, 0), end = Math.min(last - w * 32, 32);
  return (-1 << begin) & (end === 32 ? -1 : ~(-1 << end));
}

// Page by page. A chunk whose pages are alike has no bits.
class PageStates {
  constructor(pages, initial) {
    const chunks = Math.ceil(pages / chunk_pages);
    this.pages = pages;
    this.counts = new Uint16Array(chunks);
    this.bits = new Array(chunks).fill(null);
    if (initial) this.set(0, pages, true);
  }

  size_of(chunk) { return Math.min(chunk_pages, this.pages - chunk * chunk_pages); }

  set(first, count, to_private) {
    for (const end = first + count; first < end;) {
      const chunk = Math.floor(first / chunk_pages);
      const part = Math.min(end, (chunk + 1) * chunk_pages) - first;
      this.set_in(chunk, first - chunk * chunk_pages, part, to_private);
      first += part;
    }
  }

  set_in(chunk, first, count, to_private) {
    const size = this.size_of(chunk);
    if (count === size) {
      this.bits[chunk] = null;
      this.counts[chunk] = to_private ? size : 0;
      return;
    }
    if (!this.bits[chunk]) {
      if (this.counts[chunk] === (to_private ? size : 0)) return;
      this.bits[chunk] = new Uint32Array(chunk_pages / 32).fill(this.counts[chunk] ? 0xffffffff : 0);
    }
    const were = this.count_in(chunk, first, count), bits = this.bits[chunk];
    for (let w = first >> 5; w * 32 < first + count; ++w) {
      const mask = mask_of(w, first, first + count);
      if (to_private) bits[w] |= mask;
      else bits[w] &= ~mask;
    }
    this.counts[chunk] += (to_private ? count : 0) - were;
    if (this.counts[chunk] === 0 || this.counts[chunk] === size) this.bits[chunk] = null;
  }

  count_in(chunk, first, count) {
    const bits = this.bits[chunk];
    if (!bits) return this.counts[chunk] ? count : 0;
    let sum = 0;
    for (let w = first >> 5; w * 32 < first + count; ++w) sum += bits_in(bits[w] & mask_of(w, first, first + count));
    return sum;
  }

  private_pages(first, count) {
    let sum = 0;
    for (const end = first + count; first < end;) {
      const chunk = Math.floor(first / chunk_pages);
      const part = Math.min(end, (chunk + 1) * chunk_pages) - first;
      sum += part === this.size_of(chunk) ? this.counts[chunk] : this.count_in(chunk, first - chunk * chunk_pages, part);
      first += part;
    }
    return sum;
  }
}

// Piece by piece of 2^shift pages, each with a level from 0, all shared, to 255, all private.
class PieceStates {
  constructor(pages, initial, shift) {
    this.pages = pages;
    this.piece = 2 ** shift;
    this.levels = new Uint8Array(Math.ceil(pages / this.piece)).fill(initial ? 255 : 0);
  }

  set(first, count, level) { this.levels.fill(level, first, first + count); }

  // An estimate between none and all where a piece is mixed.
  private_pages(first, count) {
    let sum = 0;
    const begin = Math.floor(first / this.piece), end = Math.ceil((first + count) / this.piece);
    for (let i = begin; i < end; ++i) {
      const level = this.levels[i];
      if (level === 0) continue;
      const pages = Math.min((i + 1) * this.piece, first + count) - Math.max(i * this.piece, first);
      sum += level === 255 ? pages : pages * (level - 0.5) / 254;
    }
    return sum;
  }
}
