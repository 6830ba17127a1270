// The record under the pointer or the keyboard's cursor.

/** Lines of a record: a title, and pairs of name and value. */
function recordOf(mark) {
  if (mark.kind === 'advert') return advertRecord(router().tracks[mark.track], mark.index);
  if (mark.kind === 'event') {
    return { title: moment(mark.event.at), pairs: [[model.nodes[mark.event.node].name, mark.event.text]] };
  }
  if (mark.kind === 'incident') {
    const one = mark.incident;
    return {
      title: `${one.number} ${one.headline}`.trim(),
      pairs: [['when', moment(one.at)], ['on', model.nodes[one.node].name], ['verdict', one.summary]],
    };
  }
  if (mark.kind === 'stall') {
    return { title: moment(mark.stall.due), pairs: [[model.nodes[mark.stall.node].name, mark.stall.text]] };
  }
  return mark.record;
}

function advertRecord(track, index) {
  const rails = router().rails;
  const flags = track.flags[index];
  const at = track.at[index];
  const value = (column) => (track[column].length ? track[column][index] : null);
  const id = track.id[index];
  const pairs = [];
  const after = (name, column) => {
    const late = value(column);
    if (late !== null) pairs.push([name, `${exact(at + late)}  +${span(late)}`]);
  };
  if (flags & FLAG.sent) {
    pairs.push(['due', exact(at)]);
    for (const name of ['woke', 'accepted', 'queued', 'left', 'taken']) after(name, name);
    if (flags & FLAG.neverLeft) pairs.push(['left', 'never']);
  } else if (!(flags & FLAG.refused)) {
    pairs.push(['expected', `${exact(at)}  by the spacing of those before`]);
  }
  const arrived = value('arrived');
  const read = value('read');
  const listener = track.to === null ? '' : ` at ${rails[track.to].label}`;
  if (arrived !== null) pairs.push(['arrived', `${exact(at + arrived)}  +${span(arrived)}${listener}`]);
  if (read !== null && arrived !== null) pairs.push(['read', `${span(read - arrived)} later`]);
  const left = value('left');
  if (left !== null && arrived !== null) pairs.push(['under way', `about ${span(Math.max(arrived - left, 0))}`]);
  if (flags & FLAG.lost) pairs.push(['arrived', `never${listener}: lost on the way`]);
  else if (arrived === null && flags & FLAG.sent && !(flags & FLAG.neverLeft)) {
    pairs.push(['arrived', track.to === null ? 'no records of a listener here' : `no record of it${listener}`]);
  }
  if (flags & FLAG.goodbye) pairs.push(['goodbye', 'priority 0: gives the address up']);
  if (track.noteOf.has(index)) pairs.push(['note', track.noteOf.get(index)]);
  const number = id === null ? 'advert' : `advert ${id}`;
  return { title: `${number} of ${rails[track.from].label}, priority ${track.priority[index]}`, pairs };
}

/** What is under a place of the drawing: a mark near it, else what the row there says of that time. */
function under(x, y) {
  let best = null;
  let nearest = 14 * 14;
  for (const mark of detail.marks) {
    const far = (mark.x - x) ** 2 + (mark.y - y) ** 2 - (mark.kind === 'incident' ? 40 : 0);
    if (far < nearest) [best, nearest] = [mark, far];
  }
  if (best) return best;
  if (x < GUTTER || x > detail.width - RIGHT) return null;
  const at = toTime(x);
  for (const bar of detail.rails) {
    if (y < bar.top || y > bar.bottom) continue;
    const phase = bar.rail.phases.find(([from, until]) => from <= at && at < until);
    if (!phase) return { x, y, kind: 'row', record: { title: bar.rail.label, pairs: [['state', 'not running or not known']] } };
    const pairs = [['state', model.states[phase[2]]], ['from', moment(phase[0])], ['until', moment(phase[1])], ['for', span(phase[1] - phase[0])]];
    return { x, y, kind: 'row', record: { title: bar.rail.label, pairs } };
  }
  if (y >= detail.chart.top && y <= detail.chart.bottom) return bandRecord(at, x, y);
  for (const row of detail.rows) {
    if (!row.series || y < row.top || y > row.bottom) continue;
    const { series } = row;
    const index = lowerBound(series.at, at + 1e-3) - 1;
    const known = index >= 0 && series.end[index] >= at;
    const pairs = [[series.name, known ? hostValue(series, series.value[index]) : 'not measured here'], ['at', moment(at)]];
    return { x, y, kind: 'row', record: { title: model.nodes[series.node].name, pairs } };
  }
  return null;
}

/** The minute at a time, of all nodes. */
function bandRecord(at, x, y) {
  const length = model.bin * MINUTE;
  const pairs = [];
  for (const bands of router().bands) {
    const name = model.nodes[bands.node].name;
    for (const kind of ['departure', 'gap', 'read']) {
      const cells = bands[kind];
      const index = lowerBound(cells.at, Math.floor(at / length) * length);
      if (index >= cells.at.length || cells.at[index] > at) continue;
      const adverts = `${count(cells.count[index])} adverts`;
      const told = {
        departure: `${adverts} left, median ${span(cells.typical[index])}, worst ${span(cells.worst[index])} after due`,
        gap: `${count(cells.count[index])} gaps, longest ${span(cells.worst[index])}`,
        read: `${adverts} read, worst ${span(cells.worst[index])} after arrival`,
      }[kind];
      pairs.push([name, told]);
    }
  }
  if (!pairs.length) return null;
  const begin = Math.floor(at / length) * length;
  const title = `${moment(begin)}, ${model.bin === 1 ? 'one minute' : `${model.bin} minutes`}`;
  return { x, y, kind: 'row', record: { title, pairs } };
}

/** Shows a record beside a place of a canvas. */
function showRecord(canvas, mark) {
  const box = document.getElementById('record');
  const record = recordOf(mark);
  box.replaceChildren();
  const title = document.createElement('strong');
  title.textContent = record.title;
  const list = document.createElement('dl');
  for (const [name, value] of record.pairs) {
    const term = document.createElement('dt');
    const text = document.createElement('dd');
    term.textContent = name;
    text.textContent = value;
    list.append(term, text);
  }
  box.append(title, list);
  box.hidden = false;
  const place = canvas.getBoundingClientRect();
  const wide = document.documentElement.clientWidth;
  const tall = document.documentElement.clientHeight;
  const size = box.getBoundingClientRect();
  let x = place.left + mark.x + 14;
  let y = place.top + mark.y + 14;
  if (x + size.width > wide - 8) x = Math.max(place.left + mark.x - size.width - 14, 8);
  if (y + size.height > tall - 8) y = Math.max(place.top + mark.y - size.height - 14, 8);
  box.style.left = `${Math.min(x, Math.max(wide - size.width - 8, 8))}px`;
  box.style.top = `${y}px`;
  box.dataset.x = Math.round(mark.x);
  box.dataset.y = Math.round(mark.y);
}

function hideRecord() {
  document.getElementById('record').hidden = true;
  if (detail.pinned) {
    detail.pinned = null;
    redraw();
  }
}

let cursor = -1;

/** Goes to the next or the previous advert, moves the view where it has to, and shows its record. */
function stepAdvert(direction) {
  const { order, tracks } = router();
  if (!order.length) return;
  const time = (position) => tracks[order[position][0]].at[order[position][1]];
  if (!detail.pinned || cursor < 0 || cursor >= order.length) {
    cursor = order.findIndex((_, position) => time(position) >= view.from);
    if (cursor < 0) cursor = order.length - 1;
  } else {
    cursor = Math.min(Math.max(cursor + direction, 0), order.length - 1);
  }
  pinAdvert();
}

function pinAdvert() {
  const { order, tracks } = router();
  const [number, index] = order[cursor];
  const track = tracks[number];
  const at = track.at[index];
  const length = view.until - view.from;
  // Close enough to see one advert beside the next.
  const closest = Math.min(length, Math.max(router().interval, 1e4) * 60);
  if (at < view.from || at > view.until || closest < length) show(at - closest / 2, at + closest / 2);
  drawDetail();
  const mark = detail.marks.find((one) => one.kind === 'advert' && one.track === number && one.index === index);
  detail.pinned = mark || { x: toX(at), y: detail.chart.bottom, kind: 'advert', track: number, index };
  drawDetail();
  showRecord(document.getElementById('lanes'), detail.pinned);
}
