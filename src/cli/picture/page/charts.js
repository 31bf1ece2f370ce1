'use strict';
// Conversions over time, and how long they took. To private upwards, to shared downwards.

const edge = 8; // half a slider's thumb: the chart's time and the slider's lie above each other
const time_at = (x, width) => Math.min(Math.max((x - edge) / (width - 2 * edge), 0), 1) * facts.duration;

function draw_activity() {
  const { context, width, height } = prepare(element('activity'), 110);
  const t = facts.overTime, n = t.toPrivate.length, across = (width - 2 * edge) / n;
  const base = height / 2, room = base - 8;
  // The square root: a burst leaves the rest visible.
  const most = Math.sqrt(Math.max(...t.toPrivate, ...t.toShared, 1));
  context.fillStyle = colours.line;
  context.fillRect(edge, base - .5, width - 2 * edge, 1);
  for (let i = 0; i < n; ++i) {
    const left = edge + i * across, wide = Math.max(across - .25, .8);
    const up = Math.sqrt(t.toPrivate[i]) / most * room, down = Math.sqrt(t.toShared[i]) / most * room;
    context.fillStyle = colours.private;
    context.fillRect(left, base - up, wide, up);
    context.fillStyle = colours.toshared;
    context.fillRect(left, base, wide, down);
    if (t.failed[i]) {
      context.fillStyle = colours.failed;
      context.fillRect(left, 0, Math.max(across, 1.5), 5);
    }
  }
  const pages = facts.spaces.reduce((sum, s) => sum + s.pages, 0) || 1;
  context.strokeStyle = colours.curve;
  context.lineWidth = 1.75;
  context.beginPath();
  t.privatePages.forEach((p, i) => context.lineTo(edge + (i + .5) * across, 7 + (1 - p / pages) * (height - 12)));
  context.stroke();

  const x = edge + view.time / (facts.duration || 1) * (width - 2 * edge);
  context.strokeStyle = colours.mark;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.stroke();
  element('activity').setAttribute('aria-label', `Conversions over time: ${count_text(facts.conversions)} in ${duration_text(facts.duration)}, the most private memory at once ${pages_text(facts.mostPrivate)}`);
}

const size_names = ['one page', 'up to 64 KiB', 'up to 2 MiB', 'larger'];
const class_begin = c => (1 + c % 4 / 4) * 2 ** Math.floor(c / 4);

// The counts of all classes, of the chosen size, [to shared, to private].
function chosen_durations() {
  const chosen = element('size').value;
  const sums = [new Float64Array(176), new Float64Array(176)];
  for (const d of facts.durations)
    if (chosen === 'all' || String(d.size) === chosen) d.classes.forEach((count, i) => sums[d.to][d.firstClass + i] += count);
  return sums;
}

function draw_durations() {
  const { context, width, height } = prepare(element('durations'), 120);
  const sums = chosen_durations();
  let first = 176, last = 0, most = 1;
  for (const s of sums)
    s.forEach((count, i) => {
      if (!count) return;
      first = Math.min(first, i);
      last = Math.max(last, i);
      most = Math.max(most, count);
    });
  if (first > last) {
    context.fillStyle = colours.quiet;
    context.fillText('none', 8, 20);
    return;
  }
  first = Math.max(Math.floor(first / 4) * 4 - 4, 0);
  last = Math.ceil((last + 1) / 4) * 4 + 3;
  const across = (width - 16) / (last - first + 1), base = (height - 16) / 2;
  context.textAlign = 'center';
  context.textBaseline = 'alphabetic';
  let label_ends = 0;
  for (let i = first; i <= last; ++i) {
    const left = 8 + (i - first) * across;
    if (i % 4 === 0 && left - 28 > label_ends) {
      context.fillStyle = colours.line;
      context.fillRect(left, 0, 1, height - 14);
      context.fillStyle = colours.quiet;
      context.fillText(duration_text(class_begin(i)), Math.max(left, 26), height - 3);
      label_ends = left + 28;
    }
    const bar = count => count ? Math.max(Math.sqrt(count / most) * (base - 2), 1) : 0;
    context.fillStyle = colours.private;
    context.fillRect(left, base - bar(sums[1][i]), across - 1, bar(sums[1][i]));
    context.fillStyle = colours.toshared;
    context.fillRect(left, base, across - 1, bar(sums[0][i]));
  }
  context.fillStyle = colours.line;
  context.fillRect(8, base - .5, width - 16, 1);
}

function fill_durations() {
  const chosen = element('size');
  chosen.append(new Option('any size', 'all'), ...[...new Set(facts.durations.map(d => d.size))].sort().map(s => new Option(size_names[s], s)));
  chosen.addEventListener('change', changed);
  const columns = [['to', ''], ['size', ''], ['calls', 'n'], ['half within', 'n'], ['90\u202f%', 'n'], ['99\u202f%', 'n'], ['99.9\u202f%', 'n'], ['longest', 'n']];
  fill_table(element('quantiles'), columns, facts.durations.map(d => make('tr', '', ...cells(columns,
    [d.to ? 'private' : 'shared', size_names[d.size], count_text(d.count), ...[d.p50, d.p90, d.p99, d.p999, d.longest].map(duration_text)]))), 'No conversion succeeded.');
}

drawn.push(draw_activity, draw_durations);
