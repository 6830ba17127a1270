// All routers over all of the time, and the stretch that is looked at.

const map = { left: 0, width: 0, rowTop: [], rowHeight: 0, heat: [], heatWidth: 0, drag: null };

const mapX = (at) => {
  const [first, last] = whole();
  return map.left + ((at - first) / (last - first)) * (map.width - map.left - RIGHT);
};
const mapTime = (x) => {
  const [first, last] = whole();
  const part = (x - map.left) / Math.max(map.width - map.left - RIGHT, 1);
  return first + Math.min(Math.max(part, 0), 1) * (last - first);
};

/** The worst lateness at each pixel of a router's row. */
function heatOf(position, pixels) {
  const heat = new Float64Array(pixels + 1);
  const one = model.routers[position];
  const offset = map.left;
  const put = (from, until, late) => {
    const first = Math.max(Math.floor(mapX(from) - offset), 0);
    const last = Math.min(Math.max(Math.ceil(mapX(until) - offset), first + 1), pixels);
    for (let x = first; x < last; x++) if (heat[x] < late) heat[x] = late;
  };
  for (const bands of one.bands) {
    const { departure, gap } = bands;
    const cells = (list, less) => {
      list.at.forEach((at, index) => {
        // Most minutes are quiet, and cost nothing.
        const late = list.worst[index] - less;
        if (!grade(late, one)) return;
        for (const [from, until] of openParts(one, bands, at)) put(from, until, late);
      });
    };
    cells(departure, 0);
    cells(gap, one.interval);
  }
  for (const track of one.tracks) {
    for (const index of track.odd) {
      const late = track.flags[index] & (FLAG.lost | FLAG.neverLeft) ? one.limit : track.arrived[index] ?? track.left[index] ?? 0;
      put(track.at[index], track.at[index] + Math.max(late, 1), late);
    }
  }
  return heat;
}

/** How bad a lateness is: 0 unseen, 3 near a takeover. */
function grade(late, one) {
  const limit = one.limit || 3e6;
  if (late > limit / 2) return 3;
  if (late > Math.max(one.interval / 2, 1e5)) return 2;
  return late > 2e4 ? 1 : 0;
}

function drawOverview() {
  const canvas = document.getElementById('map');
  const wide = Math.max(canvas.clientWidth, 1);
  const many = model.routers.length > 6;
  const nodes = Math.max(...model.routers.map((one) => one.rails.length), 1);
  const each = many ? 5 : 9;
  const heatHeight = many ? 5 : 8;
  map.rowHeight = Math.min(nodes, 4) * (each + 1) + heatHeight + (many ? 10 : 16);
  const top = 30;
  const height = top + model.routers.length * map.rowHeight + 6;
  map.width = wide;
  map.left = model.routers.length > 1 ? Math.min(150, wide * 0.26) : GUTTER;
  const { context } = pen(canvas, height);
  const pixels = Math.ceil(wide - map.left - RIGHT);
  if (map.heatWidth !== pixels) {
    map.heat = model.routers.map((_, position) => heatOf(position, pixels));
    map.heatWidth = pixels;
  }
  const [first, last] = whole();
  context.fillStyle = colour.ink;
  for (const tick of ticks(first, last, wide - map.left - RIGHT, 110)) {
    const x = mapX(tick.at);
    context.strokeStyle = colour.line;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, 20);
    context.lineTo(Math.round(x) + 0.5, height - 4);
    context.stroke();
    const half = context.measureText(tick.text).width / 2;
    if (x - half < map.left - 10 || x + half > wide) continue;
    context.textAlign = 'center';
    context.fillText(tick.text, x, 10);
    context.textAlign = 'left';
  }
  model.routers.forEach((one, position) => {
    const y = top + position * map.rowHeight;
    map.rowTop[position] = y;
    if (position === view.router && model.routers.length > 1) {
      context.fillStyle = colour.panel;
      context.fillRect(0, y - 2, wide, map.rowHeight - 1);
    }
    if (model.routers.length > 1) {
      context.font = position === view.router ? `600 ${many ? SMALL : FONT}` : many ? SMALL : FONT;
      context.fillStyle = colour.ink;
      label(context, one.name, 4, y + map.rowHeight / 2 - 2, map.left - 10);
      context.font = FONT;
    }
    one.rails.slice(0, 4).forEach((rail, index) => {
      const barTop = y + index * (each + 1);
      context.fillStyle = colour.panel;
      context.fillRect(map.left, barTop, pixels, each);
      let drawn = -1;
      for (const [from, until, state] of rail.phases) {
        const x0 = Math.max(mapX(from), map.left);
        const x1 = Math.max(mapX(until), x0 + 1.5);
        // What is shorter than a pixel is drawn over what is longer, not under it.
        if (x1 <= drawn && x1 - x0 > 2) continue;
        stateBar(context, state, x0, barTop, x1 - x0, each);
        drawn = Math.max(drawn, x1);
      }
    });
    const heatTop = y + Math.min(one.rails.length, 4) * (each + 1) + 1;
    context.fillStyle = colour.panel;
    context.fillRect(map.left, heatTop, pixels, heatHeight);
    const heat = map.heat[position];
    for (let x = 0; x < pixels; x++) {
      const level = grade(heat[x], one);
      if (!level) continue;
      context.fillStyle = [null, colour.heat1, colour.heat2, colour.heat3][level];
      const tall = (heatHeight * level) / 3;
      context.fillRect(map.left + x, heatTop + heatHeight - tall, 2, tall);
    }
  });
  for (const one of model.incidents) {
    if (one.weight > 1) continue;
    const y = one.router === null ? top - 6 : map.rowTop[one.router] + map.rowHeight - (many ? 6 : 9);
    context.fillStyle = context.strokeStyle = colour.focus;
    context.lineWidth = 1.2;
    const size = many ? 2.5 : 4;
    context.beginPath();
    const x = mapX(one.at);
    context.moveTo(x, y - size);
    context.lineTo(x + size, y + size);
    context.lineTo(x - size, y + size);
    context.closePath();
    if (one.weight === 0) context.fill();
    else context.stroke();
  }
  drawWindow(context, height);
}

function drawWindow(context, height) {
  const [from, until] = map.drag ? [Math.min(...map.drag), Math.max(...map.drag)] : [view.from, view.until];
  const x0 = Math.max(mapX(from), map.left);
  const x1 = Math.min(Math.max(mapX(until), x0 + 3), map.width - RIGHT);
  context.strokeStyle = colour.focus;
  context.lineWidth = 2;
  context.strokeRect(x0, 21, x1 - x0, height - 25);
  context.globalAlpha = 0.08;
  context.fillStyle = colour.focus;
  context.fillRect(x0, 21, x1 - x0, height - 25);
  context.globalAlpha = 1;
}

function rowAt(y) {
  let found = -1;
  map.rowTop.forEach((top, position) => {
    if (y >= top - 2 && y < top - 2 + map.rowHeight) found = position;
  });
  return found;
}
