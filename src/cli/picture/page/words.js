'use strict';
// Numbers as people read them, and elements that hold them.

const page_bytes = 4096;

const hex = bytes => '0x' + bytes.toString(16);
const count_text = n => n.toLocaleString('en').replace(/,/g, '\u202f');
const short = n => n >= 100 || Number.isInteger(n) ? String(Math.round(n)) : n.toPrecision(3).replace(/\.?0+$/, '');

function size_text(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; bytes >= 1024 && i + 1 < units.length; ++i) bytes /= 1024;
  return `${short(bytes)} ${units[i]}`;
}
const pages_text = pages => size_text(pages * page_bytes);

function duration_text(ns) {
  for (const [unit, size] of [['s', 1e9], ['ms', 1e6], ['\u00b5s', 1e3]])
    if (ns >= size) return `${short(ns / size)} ${unit}`;
  return `${short(ns)} ns`;
}
const time_text = ns => `${(ns / 1e9).toFixed(6)} s`;

const range_text = (first, pages) => pages === 1 ? hex(first * page_bytes) : `${hex(first * page_bytes)} \u2013 ${hex((first + pages) * page_bytes - 1)}`;

const space_text = s => `${s.of} ${s.id}, ${pages_text(s.pages)}`;

function what_text(i) {
  if (is_conversion(i)) return events.detail[i] ? 'to private' : 'to shared';
  const kind = facts.kinds[events.kind[i]];
  if (kind.name === 'create') return events.detail[i] ? 'made, private' : 'made, shared';
  const word = kind.words && kind.words[events.detail[i]];
  return kind.name.replace(/_/g, ' ') + (word ? `, ${word.replace(/_/g, ' ')}` : '');
}

const errno_names = new Map(facts.failures.map(f => [f.errno, f.name || String(f.errno)]));
const result_text = result => result < 0 ? errno_names.get(-result) || String(result) : 'ok';

const who_text = n => {
  const [process, thread] = facts.who[n];
  return process === thread ? `${process}` : `${process}/${thread}`;
};

const element = id => document.getElementById(id);

// make('td', 'n', 'text' or children)
function make(tag, css, ...content) {
  const e = document.createElement(tag);
  if (css) e.className = css;
  e.append(...content);
  return e;
}

// Columns: [heading, class of its cells].
function fill_table(table, columns, rows, nothing) {
  table.replaceChildren();
  if (!rows.length) {
    table.append(make('tbody', '', make('tr', '', make('td', 'quiet', nothing))));
    return;
  }
  const head = make('tr', '', ...columns.map(([text, css]) => {
    const th = make('th', css === 'n' ? 'n' : '', text);
    th.scope = 'col';
    return th;
  }));
  table.append(make('thead', '', head), make('tbody', '', ...rows));
}

const cells = (columns, texts) => texts.map((text, i) => make('td', columns[i][1], text));

// A row that does something, for the pointer and the keyboard.
function link_row(children, label, action) {
  const row = make('tr', 'link', ...children);
  row.tabIndex = 0;
  row.setAttribute('aria-label', label);
  row.addEventListener('click', action);
  row.addEventListener('keydown', e => {
    if (e.key === 'Enter' && e.target === row) action();
  });
  return row;
}
