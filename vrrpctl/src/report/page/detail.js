// One router in full: states and adverts between its nodes, lateness, and the hosts below, on one axis of time.

const GUTTER = 56;
const RIGHT = 14;
const BAR = 20;
const LADDER = 76;
const CHART = 176;
/** More adverts than this in view are drawn by the minute, but for the late and the lost. */
const SINGLE = 4000;
/** Measures of a host that are shown unasked. */
const FEW = 4;

const detail = { marks: [], rails: [], rows: [], chart: null, height: 0, width: 0, single: true, pinned: null };

const router = () => model.routers[view.router];
const plotWidth = () => Math.max(detail.width - GUTTER - RIGHT, 10);
const toX = (at) => GUTTER + ((at - view.from) / (view.until - view.from)) * plotWidth();
const toTime = (x) => view.from + ((x - GUTTER) / plotWidth()) * (view.until - view.from);

/** Positions of a track's adverts that may be in view. */
function visible(track) {
  return [lowerBound(track.at, view.from - track.slack), lowerBound(track.at, view.until)];
}

function layout() {
  let y = 40;
  detail.flags = y + 9;
  y += 26;
  const rails = router().rails;
  detail.rails = rails.map((rail, index) => {
    if (index === 0) y += 18;
    const bar = { rail, top: y, bottom: y + BAR, text: index === 0 ? y - 9 : y + BAR + 10 };
    y += BAR + (index < rails.length - 1 ? LADDER : 0);
    return bar;
  });
  y += rails.length > 1 ? 24 : rails.length ? 26 : 0;
  detail.chart = { title: y + 10, top: y + 28, bottom: y + 28 + CHART };
  y += 28 + CHART + 18;
  detail.rows = [];
  model.nodes.forEach((node, number) => {
    const all = hostRows(number);
    const stalls = model.stalls.filter((one) => one.node === number);
    if (!all.length && !stalls.length) return;
    detail.rows.push({ heading: `host of ${node.name}`, y: y + 12 });
    y += 26;
    if (stalls.length) {
      detail.rows.push({ stalls, top: y + 14, bottom: y + 28, y: y + 6, text: 'engine woke late' });
      y += 38;
    }
    for (const series of all.slice(0, view.all ? all.length : FEW)) {
      detail.rows.push({ series, top: y + 14, bottom: y + 36, y: y + 6, text: series.name });
      y += 44;
    }
  });
  detail.height = y + 4;
}

/** Measures of a host, those that tell most first. */
function hostRows(node) {
  const worth = (series) => {
    if (series.silent) return 1e6;
    if (/dropped|killed|stalls/.test(series.name)) return 1e5 + series.largest;
    if (series.unit === '%') return series.largest;
    if (/packets in/.test(series.name)) return 300;
    return series.unit === 'ms' ? 250 : 1;
  };
  return model.host.filter((one) => one.node === node).sort((a, b) => worth(b) - worth(a));
}

function drawDetail() {
  const canvas = document.getElementById('lanes');
  detail.width = Math.max(canvas.clientWidth, 1);
  layout();
  const { context, width, height } = pen(canvas, detail.height);
  detail.marks = [];
  detail.single = router().tracks.reduce((sum, track) => {
    const [low, high] = visible(track);
    return sum + high - low;
  }, 0) <= SINGLE;
  drawGrid(context, height);
  drawStates(context);
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, plotWidth(), height);
  context.clip();
  drawBands(context);
  drawHost(context);
  context.restore();
  context.save();
  context.beginPath();
  // A mark at the edge is seen whole.
  context.rect(GUTTER - 6, 0, plotWidth() + 12, height);
  context.clip();
  router().tracks.forEach((track, number) => drawWays(context, track, number));
  router().tracks.forEach((track, number) => drawLateness(context, track, number));
  drawFlags(context);
  if (detail.pinned) drawPinned(context);
  context.restore();
  drawWords(context, width);
}

function drawGrid(context, height) {
  const axis = ticks(view.from, view.until, plotWidth(), 96);
  context.font = FONT;
  let date = '';
  let free = 0;
  context.fillStyle = colour.soft;
  const begin = parts(view.from);
  free = GUTTER + label(context, `${begin.date} ${begin.zone}`, GUTTER, 10, 200) + 14;
  date = begin.date;
  for (const tick of axis) {
    const x = toX(tick.at);
    context.strokeStyle = colour.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, 34);
    context.lineTo(Math.round(x) + 0.5, height - 4);
    context.stroke();
    const half = context.measureText(tick.text).width / 2;
    if (x - half < 0 || x + half > detail.width) continue;
    context.fillStyle = colour.ink;
    context.textAlign = 'center';
    context.fillText(tick.text, x, 27);
    context.textAlign = 'left';
    if (tick.date !== date) {
      date = tick.date;
      if (x > free && x + 70 < detail.width) {
        context.fillStyle = colour.soft;
        free = x + label(context, date, x, 10, 90) + 14;
      }
    }
  }
}

function drawStates(context) {
  const [left, right] = [GUTTER, detail.width - RIGHT];
  for (const bar of detail.rails) {
    context.fillStyle = colour.panel;
    context.fillRect(left, bar.top, right - left, BAR);
    context.strokeStyle = colour.line;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.strokeRect(left + 0.5, bar.top + 0.5, right - left - 1, BAR - 1);
    context.setLineDash([]);
    for (const [from, until, state] of bar.rail.phases) {
      if (until < view.from || from > view.until) continue;
      const x0 = Math.max(toX(from), left);
      const x1 = Math.min(Math.max(toX(until), x0 + 1), right);
      stateBar(context, state, x0, bar.top, Math.max(x1 - x0, 1), BAR);
      if (x1 - x0 > context.measureText(model.states[state]).width + 12) {
        if (state === 0 || state === 3 || state === 5) {
          context.fillStyle = state === 3 ? colour.fault : state === 0 ? colour.init : colour.backup;
          const wide = context.measureText(model.states[state]).width;
          context.fillRect(x0 + 3, bar.top + 2, wide + 6, BAR - 4);
        }
        context.fillStyle = stateInk(state);
        label(context, model.states[state], x0 + 6, bar.top + BAR / 2 + 1, x1 - x0 - 8);
      }
    }
  }
}

/** Where a way begins and ends: the edges of the two rails that face each other. */
function ends(track) {
  const from = detail.rails[track.from];
  const to = track.to === null ? null : detail.rails[track.to];
  const down = to ? to.top > from.top : track.from < detail.rails.length - 1 || detail.rails.length === 1;
  return { y0: down ? from.bottom + 4 : from.top - 4, y1: to ? (down ? to.top - 4 : to.bottom + 4) : null, down };
}

/** An advert's way from rail to rail. */
function drawWays(context, track, number) {
  if (!detail.rails.length) return;
  const { y0, y1, down } = ends(track);
  const stub = down ? 12 : -12;
  const [low, high] = visible(track);
  const perAdvert = plotWidth() / Math.max(high - low, 1);
  const list = detail.single ? null : track.odd.filter((index) => index >= low && index < high);
  const size = perAdvert > 14 ? 3.6 : perAdvert > 5 ? 2.6 : 1.8;
  const each = list || { length: high - low };
  const mark = (x, y, index) => detail.marks.push({ x, y, kind: 'advert', track: number, index });
  for (let position = 0; position < each.length; position++) {
    const index = list ? list[position] : low + position;
    const at = track.at[index];
    const flags = track.flags[index];
    const sent = flags & FLAG.sent;
    const left = track.left[index];
    const arrived = track.arrived[index];
    const has = (value) => value !== null && value !== undefined;
    const late = isLate(track, index, router());
    const x0 = toX(at + (sent && has(left) ? left : 0));
    context.globalAlpha = late || perAdvert > 5 ? 1 : 0.6;
    if (sent && perAdvert > 4) {
      const due = toX(at);
      context.strokeStyle = colour.soft;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(due, down ? y0 - 4 : y0 + 4);
      context.lineTo(due, down ? y0 - 11 : y0 + 11);
      context.stroke();
    }
    if (has(arrived) && y1 !== null) {
      const x1 = toX(at + arrived);
      const drawn = late || perAdvert > 2.5;
      context.strokeStyle = late ? colour.arrived : colour.soft;
      context.lineWidth = late ? 2 : 1;
      if (!late) context.globalAlpha = Math.min(0.1 + perAdvert / 12, 0.6);
      context.setLineDash(sent ? [] : [2, 3]);
      if (drawn) {
        context.beginPath();
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
        context.stroke();
      }
      context.setLineDash([]);
      context.globalAlpha = 1;
      context.fillStyle = colour.arrived;
      diamond(context, x1, y1, size + 0.8);
      mark(x1, y1, index);
    }
    if (flags & (FLAG.lost | FLAG.neverLeft)) {
      const far = flags & FLAG.neverLeft ? 0 : ((y1 ?? y0 + stub) - y0) * 0.55;
      context.strokeStyle = colour.ink;
      context.lineWidth = 1.2;
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x0, y0 + far);
      context.stroke();
      context.lineWidth = 2.2;
      cross(context, x0, y0 + far, 4.5);
      mark(x0, y0 + far, index);
      if (flags & FLAG.neverLeft) continue;
    } else if (flags & FLAG.refused) {
      const y = y1 ?? y0;
      context.strokeStyle = colour.ink;
      context.lineWidth = 1.6;
      cross(context, toX(at), y, 3.5);
      mark(toX(at), y, index);
      continue;
    } else if (!has(arrived) || y1 === null) {
      context.strokeStyle = colour.soft;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x0, y0 + stub);
      context.stroke();
    }
    if (sent) {
      context.fillStyle = colour.left;
      dot(context, x0, y0, size);
      mark(x0, y0, index);
    } else if (y1 !== null) {
      context.strokeStyle = colour.soft;
      context.lineWidth = 1;
      context.beginPath();
      context.arc(x0, y0, Math.max(size - 0.6, 1.4), 0, 2 * Math.PI);
      context.stroke();
    } else if (has(arrived)) {
      context.fillStyle = colour.arrived;
      diamond(context, toX(at + arrived), y0, size + 0.8);
      mark(toX(at + arrived), y0, index);
    }
  }
  context.globalAlpha = 1;
}

/** The largest value of the logarithmic axis, in microseconds. */
function chartTop() {
  if (router().top === undefined) {
    let worst = Math.max(router().limit * 1.2, 5e6);
    for (const track of router().tracks) worst = Math.max(worst, track.slack);
    for (const bands of router().bands) {
      bands.departure.worst.forEach((value, index) => {
        if (value > worst && openParts(router(), bands, bands.departure.at[index]).length) worst = value;
      });
      bands.gap.worst.forEach((value, index) => {
        if (value - router().interval > worst && openParts(router(), bands, bands.gap.at[index]).length) worst = value - router().interval;
      });
    }
    router().top = 10 ** Math.ceil(Math.log10(worst));
  }
  return router().top;
}

function toY(micros) {
  const { top, bottom } = detail.chart;
  const share = Math.log10(Math.max(micros, 10) / 10) / Math.log10(chartTop() / 10);
  return bottom - Math.min(share, 1) * (bottom - top);
}

function drawBands(context) {
  const length = model.bin * MINUTE;
  for (const bands of router().bands) {
    for (const name of ['departure', 'gap']) {
      const cells = bands[name];
      const gap = name === 'gap';
      const first = Math.max(lowerBound(cells.at, view.from - length), 0);
      for (let index = first; index < cells.at.length && cells.at[index] < view.until; index++) {
        const worst = gap ? cells.worst[index] - router().interval : cells.worst[index];
        if (gap && worst <= 10) continue;
        const y = toY(worst);
        const tall = gap ? detail.chart.bottom - y : Math.max(toY(cells.typical[index]) - y, 1);
        const whole = [[cells.at[index], cells.at[index] + length]];
        context.fillStyle = gap ? colour.arrived : colour.left;
        for (const [from, until] of detail.single ? openParts(router(), bands, cells.at[index]) : whole) {
          const x0 = toX(from);
          const wide = Math.max(toX(until) - x0 - 0.3, 1);
          context.globalAlpha = gap ? 0.16 : 0.3;
          context.fillRect(x0, y, wide, tall);
          context.globalAlpha = 1;
          context.fillRect(x0, y - 1, wide, 2);
        }
      }
    }
  }
}

function drawLateness(context, track, number) {
  const [low, high] = visible(track);
  const list = detail.single ? null : track.odd.filter((index) => index >= low && index < high);
  const perAdvert = plotWidth() / Math.max(high - low, 1);
  const size = perAdvert > 6 ? 3 : perAdvert > 2 ? 2.2 : 1.6;
  const each = list || { length: high - low };
  for (let position = 0; position < each.length; position++) {
    const index = list ? list[position] : low + position;
    const left = track.left[index];
    const arrived = track.arrived[index];
    if (track.flags[index] & FLAG.refused) continue;
    if (arrived !== null && arrived !== undefined) {
      const [x, y] = [toX(track.at[index] + arrived), toY(arrived)];
      context.fillStyle = colour.arrived;
      diamond(context, x, y, size + 0.7);
      detail.marks.push({ x, y, kind: 'advert', track: number, index });
    }
    if (left !== null && left !== undefined) {
      const [x, y] = [toX(track.at[index] + left), toY(left)];
      context.fillStyle = colour.left;
      dot(context, x, y, size);
      detail.marks.push({ x, y, kind: 'advert', track: number, index });
    }
  }
}

function drawHost(context) {
  for (const row of detail.rows) {
    if (row.heading) continue;
    context.fillStyle = colour.panel;
    context.fillRect(GUTTER, row.top, plotWidth(), row.bottom - row.top);
    if (row.stalls) {
      for (const stall of row.stalls) {
        if (stall.at < view.from || stall.due > view.until) continue;
        const [x0, x1] = [toX(stall.due), toX(stall.at)];
        context.fillStyle = colour.fault;
        context.fillRect(x0, row.top, Math.max(x1 - x0, 2), row.bottom - row.top);
        detail.marks.push({ x: (x0 + x1) / 2, y: (row.top + row.bottom) / 2, kind: 'stall', stall });
      }
      continue;
    }
    const { series } = row;
    const tall = row.bottom - row.top;
    const scale = series.unit === '%' ? Math.max(series.largest, 1000) : Math.max(series.largest, 1);
    const first = Math.max(lowerBound(series.at, view.from) - 1, 0);
    for (let index = first; index < series.at.length && series.at[index] < view.until; index++) {
      if (series.end[index] < view.from || series.value[index] === 0) continue;
      const x0 = toX(series.at[index]);
      const wide = Math.max(toX(series.end[index]) - x0, 1);
      if (series.value[index] < 0) {
        context.fillStyle = colour.fault;
        context.fillRect(x0, row.top, Math.max(wide, 3), tall);
        continue;
      }
      const high = (series.value[index] / scale) * tall;
      // What is too little to be seen is no line along the bottom.
      if (high < 0.8) continue;
      context.fillStyle = colour.host;
      context.fillRect(x0, row.bottom - high, wide, high);
    }
  }
}

function drawFlags(context) {
  for (const event of model.events) {
    if (event.at < view.from || event.at > view.until) continue;
    if (event.router !== null && event.router !== view.router) continue;
    const x = toX(event.at);
    context.fillStyle = colour.soft;
    context.fillRect(x - 0.5, detail.flags + 6, 1.5, 7);
    detail.marks.push({ x, y: detail.flags + 9, kind: 'event', event });
  }
  const shown = shownIncidents().sort((a, b) => b.weight - a.weight);
  for (const one of shown) {
    if (one.at < view.from || one.at > view.until) continue;
    const x = toX(one.at);
    context.fillStyle = context.strokeStyle = one.weight === 2 ? colour.soft : colour.focus;
    context.lineWidth = 1.6;
    if (one.weight === 0) {
      context.globalAlpha = 0.5;
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(x, detail.flags + 8);
      context.lineTo(x, detail.chart.bottom);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
    }
    flagMark(context, x, detail.flags, one.weight === 2 ? 4 : 6, one.weight === 0);
    detail.marks.push({ x, y: detail.flags, kind: 'incident', incident: one });
  }
  // Numbers where there is room, the weightiest first.
  const taken = shown.filter((one) => one.weight < 2).map((one) => [toX(one.at) - 8, toX(one.at) + 8]);
  context.font = SMALL;
  context.fillStyle = colour.ink;
  for (const one of [...shown].sort((a, b) => a.weight - b.weight || a.at - b.at)) {
    if (one.at < view.from || one.at > view.until || !one.number || one.weight > 1) continue;
    const wide = context.measureText(one.number).width;
    const free = (at) => at > 0 && at + wide < detail.width && !taken.some(([from, until]) => at < until && at + wide + 3 > from);
    // Behind its mark, or else before it.
    const x = [toX(one.at) + 9, toX(one.at) - wide - 10].find(free);
    if (x === undefined) continue;
    taken.push([x, x + wide + 3]);
    context.fillText(one.number, x, detail.flags);
  }
  context.font = FONT;
}

/** The advert whose record is shown by the keyboard. */
function drawPinned(context) {
  const { x, y } = detail.pinned;
  context.strokeStyle = colour.focus;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, 8, 0, 2 * Math.PI);
  context.stroke();
}

function drawWords(context, width) {
  const room = width - GUTTER - RIGHT;
  context.font = FONT;
  for (const bar of detail.rails) {
    context.fillStyle = colour.paper;
    const wide = Math.min(context.measureText(bar.rail.label).width, room);
    context.fillRect(GUTTER - 2, bar.text - 8, wide + 6, 15);
    context.fillStyle = colour.ink;
    label(context, bar.rail.label, GUTTER, bar.text, room);
  }
  const { title, top, bottom } = detail.chart;
  context.fillStyle = colour.ink;
  label(context, 'how late each advert left and arrived, after it was due', GUTTER, title, room);
  context.font = SMALL;
  context.strokeStyle = colour.line;
  context.lineWidth = 1;
  context.strokeRect(GUTTER + 0.5, top + 0.5, room, bottom - top);
  for (let value = 10; value <= chartTop(); value *= 10) {
    const y = toY(value);
    context.fillStyle = colour.soft;
    label(context, value < SECOND ? span(value) : `${value / SECOND} s`, GUTTER - 6, y, GUTTER - 8, 'right');
    context.beginPath();
    context.moveTo(GUTTER - 3, Math.round(y) + 0.5);
    context.lineTo(GUTTER, Math.round(y) + 0.5);
    context.stroke();
  }
  if (router().limit > 0) {
    const y = Math.round(toY(router().limit)) + 0.5;
    context.strokeStyle = colour.focus;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(GUTTER, y);
    context.lineTo(GUTTER + room, y);
    context.stroke();
    context.setLineDash([]);
    const text = `${span(router().limit)} late: a BACKUP takes over`;
    const wide = Math.min(context.measureText(text).width, room - 12);
    context.fillStyle = colour.paper;
    context.fillRect(GUTTER + 4, y - 16, wide + 6, 14);
    context.fillStyle = colour.ink;
    label(context, text, GUTTER + 7, y - 9, room - 12);
  }
  for (const row of detail.rows) {
    if (row.heading) {
      context.font = `600 ${FONT}`;
      context.fillStyle = colour.ink;
      label(context, row.heading, GUTTER, row.y, room);
      continue;
    }
    context.font = SMALL;
    context.fillStyle = colour.soft;
    const value = row.series ? `largest ${hostValue(row.series, row.series.largest)}` : `${row.stalls.length} in all`;
    const wide = label(context, value, GUTTER + room, row.y, room / 2, 'right');
    label(context, row.text, GUTTER, row.y, room - wide - 10);
  }
}

function hostValue(series, tenths) {
  if (tenths < 0) return 'no answer within a second';
  const value = tenths / 10;
  if (series.unit === 'B') return `${count(Math.round(value))} B`;
  if (series.unit === 'ms') return span(value * 1000);
  return `${digits(value)} ${series.unit}`;
}
