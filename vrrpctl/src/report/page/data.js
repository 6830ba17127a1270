// The model of the page: decompressed, and its columns made ready for drawing.

const FLAG = { sent: 1, lost: 2, neverLeft: 4, goodbye: 8, refused: 16 };
let model = { base_unix_ms: 0 };

async function load() {
  const text = document.getElementById('data').textContent.trim();
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  model = JSON.parse(await new Response(stream).text());
  for (const router of model.routers) {
    router.tracks.forEach((track) => readyTrack(track, router));
    router.bands.forEach(readyBands);
    router.order = timeOrder(router.tracks);
  }
  for (const series of model.host) readySeries(series);
  model.from = Math.min(model.from, model.until - 1e6);
}

/** Whether an advert was late enough to be seen from far: by more than half an interval. */
function isLate(track, index, router) {
  const late = track.arrived[index] ?? track.left[index];
  return late !== null && late !== undefined && late > Math.max(router.interval / 2, 20e3);
}

function readyTrack(track, router) {
  const size = track.at.length;
  const at = new Float64Array(size);
  let sum = 0;
  for (let index = 0; index < size; index++) {
    sum += track.at[index];
    at[index] = sum;
  }
  track.at = at;
  track.size = size;
  track.noteOf = new Map(track.notes);
  // How far behind its due time anything of an advert lies: the slack of a search.
  track.slack = 0;
  track.odd = [];
  for (let index = 0; index < size; index++) {
    const far = Math.max(track.arrived[index] ?? 0, track.left[index] ?? 0, track.read[index] ?? 0);
    if (far > track.slack) track.slack = far;
    const flags = track.flags[index];
    if (isLate(track, index, router) || flags & (FLAG.lost | FLAG.neverLeft | FLAG.refused)) track.odd.push(index);
  }
}

/** Adverts of all tracks in order of time, for the keyboard. */
function timeOrder(tracks) {
  const order = [];
  tracks.forEach((track, number) => {
    for (let index = 0; index < track.size; index++) order.push([number, index]);
  });
  return order.sort((a, b) => tracks[a[0]].at[a[1]] - tracks[b[0]].at[b[1]]);
}

function readyBands(bands) {
  for (const name of ['departure', 'gap', 'read']) {
    const size = bands[name].reduce((sum, run) => sum + run.worst.length, 0);
    const cells = {
      at: new Float64Array(size), typical: new Float64Array(size), worst: new Float64Array(size), count: new Float64Array(size),
    };
    let next = 0;
    for (const run of bands[name]) {
      for (let index = 0; index < run.worst.length; index++) {
        cells.at[next] = (run.at + index) * model.bin * MINUTE;
        cells.typical[next] = run.typical[index] ?? 0;
        cells.worst[next] = run.worst[index];
        cells.count[next] = run.count[index];
        next++;
      }
    }
    bands[name] = cells;
  }
}

function readySeries(series) {
  let at = 0;
  const size = series.pieces.length;
  series.at = new Float64Array(size);
  series.end = new Float64Array(size);
  series.value = new Float64Array(size);
  series.pieces.forEach(([since, length, value], index) => {
    at += since;
    series.at[index] = at * 1000;
    series.end[index] = (at + length) * 1000;
    series.value[index] = value;
  });
  series.silent = series.pieces.some((piece) => piece[2] < 0);
  delete series.pieces;
}

/** The parts of a band's cell whose adverts are not drawn one by one. */
function openParts(router, bands, at) {
  const length = model.bin * MINUTE;
  if (!router.dotCells) {
    router.dotCells = new Set();
    for (const track of router.tracks) {
      for (const one of track.at) router.dotCells.add(Math.floor(one / length));
    }
  }
  if (!router.dotCells.has(Math.floor(at / length))) return [[at, at + length]];
  const { detailed } = model.nodes[bands.node];
  if (!detailed.length) return [];
  let from = Math.max(at, model.from);
  const until = Math.min(at + length, model.until);
  const open = [];
  // An advert at the edge of full records belongs to them.
  const push = (begin, end) => {
    if (end - begin > SECOND) open.push([begin, end]);
  };
  for (const [begin, end] of detailed) {
    if (end < from) continue;
    if (begin > until) break;
    push(from, begin);
    from = Math.max(from, end);
  }
  push(from, until);
  return open;
}

/** The first position whose value is not below. */
function lowerBound(list, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
