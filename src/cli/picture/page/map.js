'use strict';
// The map of pages: cells row by row, labels at the left. And the strip below that says where the map is.

const map = element('map');
const gutter = 104;
const fresh_share = 1 / 150; // of the trace's time: what counts as just converted
const most_fresh = 20000;

let colours = {};
function read_colours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['text', 'quiet', 'panel', 'line', 'focus', 'shared', 'private', 'mixed-little', 'mixed-much', 'beyond', 'grid', 'pinned', 'fresh', 'failed', 'toshared', 'curve', 'mark'])
    colours[name] = style.getPropertyValue('--' + name).trim();
  const parts = c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16));
  const little = parts(colours['mixed-little']), much = parts(colours['mixed-much']);
  colours.mixed = [];
  for (let i = 0; i < 16; ++i) colours.mixed.push(`rgb(${little.map((a, j) => Math.round(a + (much[j] - a) * i / 15)).join()})`);
}

// A canvas of so many CSS pixels, sharp on any screen.
function prepare(canvas, height) {
  const width = canvas.clientWidth || 800, scale = Math.max(window.devicePixelRatio || 1, printing ? 2 : 1);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = height + 'px';
  }
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '11px ui-monospace, "DejaVu Sans Mono", monospace';
  return { context, width, height };
}
let printing = false;

function colour_of(private_pages, pages) {
  if (private_pages === 0) return colours.shared;
  if (private_pages >= pages) return colours.private;
  return colours.mixed[Math.min(Math.floor(private_pages / pages * 16), 15)];
}

// Where cell (column, row) lies: edges on whole pixels, so that equal cells look equal.
let layout = null;
function lay_out() {
  const g = view.grid;
  const width = (map.clientWidth || 800) - gutter;
  const tallest = Math.max(Math.min(420, width / 2.4), 160);
  const across = width / g.columns;
  const down = Math.max(Math.min(tallest / g.rows, across * 1.4, 132), 4);
  const gap = across >= 5 && down >= 5 ? 1 : 0;
  layout = { ...g, across, down, gap, height: Math.ceil(down * g.rows) + 2 };
}
const left_of = column => gutter + Math.round(column * layout.across);
const top_of = row => 1 + Math.round(row * layout.down);

// [first page, pages] of a cell; null where the memory has ended.
function pages_of_cell(column, row) {
  const first = view.first + (row * layout.columns + column) * layout.pages;
  return first < view.pages ? [first, Math.min(layout.pages, view.pages - first)] : null;
}
function cell_of_page(page) {
  const n = Math.floor((page - view.first) / layout.pages);
  return n >= 0 && n < layout.columns * layout.rows ? [n % layout.columns, Math.floor(n / layout.columns)] : null;
}

// Calls visit(column, row) for each cell that has a part of the range.
function for_each_cell(first, pages, visit) {
  const cells = layout.columns * layout.rows;
  const begin = Math.max(Math.floor((first - view.first) / layout.pages), 0);
  const end = Math.min(Math.ceil((first + pages - view.first) / layout.pages), cells);
  for (let n = begin; n < end; ++n) visit(n % layout.columns, Math.floor(n / layout.columns));
}

function draw_cells(context) {
  const states = replay.states[view.space];
  for (let row = 0; row < layout.rows; ++row) {
    const top = top_of(row), height = top_of(row + 1) - top - layout.gap;
    for (let column = 0; column < layout.columns; ++column) {
      const at = pages_of_cell(column, row);
      context.fillStyle = at ? colour_of(states.private_pages(at[0], at[1]), at[1]) : colours.beyond;
      const left = left_of(column);
      context.fillRect(left, top, left_of(column + 1) - left - layout.gap, height);
    }
  }
}

function draw_labels(context) {
  context.fillStyle = colours.quiet;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const every = Math.max(Math.ceil(16 / layout.down), 1);
  for (let row = 0; row < layout.rows; row += every)
    context.fillText(hex((view.first + row * layout.columns * layout.pages) * page_bytes), gutter - 8, Math.max(top_of(row) + Math.min(layout.down, 16) / 2, 7));
  if (layout.across < 96 || layout.down < 40) return;
  // Few and large cells say what they are.
  context.textAlign = 'left';
  for_each_cell(view.first, view.span, (column, row) => {
    const at = pages_of_cell(column, row);
    if (!at) return;
    const n = replay.states[view.space].private_pages(at[0], at[1]);
    context.fillStyle = n >= at[1] ? colours.panel : n === 0 ? colours.text : '#1b1f24';
    context.fillText(hex(at[0] * page_bytes), left_of(column) + 6, top_of(row) + 14);
    context.fillText(n === 0 ? 'shared' : n >= at[1] ? 'private' : 'mixed', left_of(column) + 6, top_of(row) + 30);
  });
}

const pin_is_there = p => p[0] <= view.time && (p[1] === 0 || p[1] > view.time);

function draw_marks(context) {
  const side = Math.max(Math.min(layout.down, layout.across) * .45, 3);
  context.fillStyle = colours.pinned;
  for (const p of facts.pins)
    if (p[2] && p[2][0] === view.space && pin_is_there(p))
      for_each_cell(p[2][1], p[2][2], (column, row) => {
        const right = left_of(column + 1) - layout.gap, top = top_of(row);
        context.beginPath();
        context.moveTo(right - side, top);
        context.lineTo(right, top);
        context.lineTo(right, top + side);
        context.fill();
      });

  const c = replay.changes, seen = new Set();
  const begin = replay.changes_until(view.time - facts.duration * fresh_share);
  for (let i = Math.max(begin, replay.next - most_fresh); i < replay.next; ++i)
    if (c.space[i] === view.space && c.pages[i] * replay.piece < view.pages)
      for_each_cell(c.first[i] * replay.piece, c.pages[i] * replay.piece, (column, row) => seen.add(row * layout.columns + column));
  if (view.time >= facts.duration || seen.size > layout.columns * layout.rows / 3) return; // where all is new, nothing is
  context.strokeStyle = colours.fresh;
  context.lineWidth = 1;
  for (const n of seen) outline(context, n % layout.columns, Math.floor(n / layout.columns), .5);
}

function outline(context, column, row, inset) {
  const left = left_of(column), top = top_of(row);
  context.strokeRect(left + inset, top + inset, left_of(column + 1) - left - layout.gap - 2 * inset, top_of(row + 1) - top - layout.gap - 2 * inset);
}

function draw_selection(context) {
  const { first, pages } = view.selection;
  context.strokeStyle = colours.mark;
  context.lineWidth = 2;
  let rows = new Map();
  for_each_cell(first, pages, (column, row) => {
    const r = rows.get(row) || [column, column];
    rows.set(row, [Math.min(r[0], column), Math.max(r[1], column)]);
  });
  for (const [row, [begin, end]] of rows) {
    const left = left_of(begin), top = top_of(row);
    context.strokeRect(left - 1, top - 1, left_of(end + 1) - left - layout.gap + 2, top_of(row + 1) - top - layout.gap + 2);
  }
}

function draw_map() {
  lay_out();
  const { context } = prepare(map, layout.height);
  if (!facts.spaces.length) return;
  draw_cells(context);
  draw_marks(context);
  draw_labels(context);
  draw_selection(context);
  const end = Math.min(view.first + view.span, view.pages);
  element('where').textContent = `${range_text(view.first, end - view.first)} \u00b7 ${pages_text(end - view.first)} \u00b7 a cell is ${layout.pages === 1 ? 'one page' : pages_text(layout.pages)}`;
  element('out').disabled = view.span >= view.whole;
  element('in').disabled = view.span <= 1;
  draw_overview();
}

// All of the memory in one line, what the map shows of it framed.
function draw_overview() {
  const { context, width } = prepare(element('overview'), 14);
  const states = replay.states[view.space], across = width - gutter;
  const cells = Math.min(256, view.pages), pages = view.pages / cells;
  for (let i = 0; i < cells; ++i) {
    const first = Math.floor(i * pages), count = Math.max(Math.floor((i + 1) * pages) - first, 1);
    context.fillStyle = colour_of(states.private_pages(first, count), count);
    const left = gutter + Math.round(i * across / cells);
    context.fillRect(left, 4, gutter + Math.round((i + 1) * across / cells) - left, 6);
  }
  context.fillStyle = colours.quiet;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillText('whole', gutter - 8, 7);
  const left = gutter + view.first / view.pages * across;
  const right = gutter + Math.min((view.first + view.span) / view.pages, 1) * across;
  context.strokeStyle = colours.text;
  context.lineWidth = 1.5;
  context.strokeRect(Math.min(left, width - 4) + .75, 1.75, Math.max(right - left - 1.5, 3), 10.5);
}

drawn.push(draw_map);
