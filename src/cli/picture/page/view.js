'use strict';
// Which part of which memory the map shows, what is selected, which moment: the page's only state. Who changes it says so; then everything is drawn again.

const most_cells = 4096; // 128 x 32

const power_above = n => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));

const view = {
  space: 0,
  first: 0,   // page; a multiple of span
  span: 1,    // pages, a power of two
  time: facts.duration,
  selection: { first: 0, pages: 1 },

  get pages() { return facts.spaces.length ? facts.spaces[this.space].pages : 1; },
  get whole() { return power_above(this.pages); },

  // How the part lies in the map.
  get grid() {
    const cells = Math.min(this.span, most_cells);
    const columns = Math.min(cells, 2 ** Math.ceil((Math.log2(cells) + 2) / 2));
    const pages = this.span / cells;
    const shown = Math.min(this.span, this.pages - this.first);
    return { columns, rows: Math.max(Math.ceil(shown / pages / columns), 1), pages };
  },

  show(first, span) {
    this.span = Math.min(Math.max(span, 1), this.whole);
    this.first = Math.floor(Math.min(Math.max(first, 0), this.pages - 1) / this.span) * this.span;
  },
  show_whole() { this.show(0, this.whole); },

  // Around the selection.
  zoom(factor) { this.show(this.selection.first, this.span * factor); },

  select(first, pages) {
    first = Math.min(Math.max(first, 0), this.pages - 1);
    this.selection = { first, pages: Math.min(Math.max(pages, 1), this.pages - first) };
  },

  choose_space(n) {
    this.space = n;
    this.show_whole();
    this.select(0, this.grid.pages);
  },

  // A place of the facts: [space, first, pages]. Shown with what is around it.
  go_to([space, first, pages]) {
    if (space !== this.space) this.choose_space(space);
    this.select(first, pages);
    let span = power_above(pages) * 16;
    while (span < this.whole && Math.floor(first / span) !== Math.floor((first + pages - 1) / span)) span *= 2;
    this.show(first, span);
  },
};

const replay = new Replay();

// Drawing waits for the next frame, and happens once for all that has changed until then.
const drawn = [];
let asked = false;
function changed() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw_all();
  });
}
function draw_all() {
  replay.seek(view.time);
  for (const draw of drawn) draw();
}
