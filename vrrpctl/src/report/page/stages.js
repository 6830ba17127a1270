// How long each stage took: one small drawing for each, the same logarithmic axis under all of them.

const MEANING = {
  wake: 'due to woke: was this machine late?',
  send: 'woke to accepted: own work and the system call',
  queue: 'queued to left: the queue of the interface',
  device: 'left to taken: the device, or the host below it',
  departure: 'due to left: everything up to the driver',
  gap: 'between two arrivals from the same sender',
  read: 'arrived to read: was this machine late?',
};
const AXIS = [1, 1e3, 1e6, 1e7];

function makeStages() {
  const place = document.getElementById('stage-list');
  place.replaceChildren();
  const stages = router().stages;
  for (const name of Object.keys(MEANING)) {
    const shown = stages.filter((one) => one.stage === name);
    if (!shown.length) continue;
    const figure = document.createElement('figure');
    const caption = document.createElement('figcaption');
    const strong = document.createElement('strong');
    strong.textContent = name;
    caption.append(strong, ` ${MEANING[name]}`);
    const canvas = document.createElement('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', shown.map((one) => `${name}: ${stageWords(one)}`).join('; '));
    canvas.stages = shown;
    canvas.addEventListener('pointermove', (event) => hoverStage(canvas, event));
    canvas.addEventListener('pointerleave', hideRecord);
    figure.append(caption, canvas);
    place.append(figure);
  }
  if (!place.children.length) {
    const nothing = document.createElement('p');
    nothing.textContent = 'No stage of this router was measured in this time.';
    place.append(nothing);
  }
  drawStages();
}

function stageWords(one) {
  const name = model.nodes[one.node].name;
  return `${name}: p50 ${span(one.p50)}, p99 ${span(one.p99)}, worst ${span(one.worst)}, ${count(one.count)} in all`;
}

/** Microseconds to the part of the axis. */
function stagePart(micros) {
  return Math.min(Math.max(Math.log10(Math.max(micros, 1)) / Math.log10(AXIS[AXIS.length - 1]), 0), 1);
}

function drawStages() {
  for (const canvas of document.querySelectorAll('#stage-list canvas')) {
    const each = 82;
    const { context, width, height } = pen(canvas, canvas.stages.length * each + 20);
    const wide = width - 16;
    canvas.hits = [];
    canvas.stages.forEach((one, row) => {
      const top = row * each + 34;
      const bottom = row * each + each - 4;
      context.font = SMALL;
      context.fillStyle = colour.ink;
      label(context, model.nodes[one.node].name, 8, row * each + 9, wide);
      context.fillStyle = colour.soft;
      const text = `p50 ${span(one.p50)} · p99 ${span(one.p99)} · worst ${span(one.worst)} · ${count(one.count)}`;
      label(context, text, 8, row * each + 23, wide);
      context.fillStyle = colour.panel;
      context.fillRect(8, top, wide, bottom - top);
      const most = Math.log10(Math.max(...one.buckets.map((bucket) => bucket[1])) + 1);
      for (const [lowest, times] of one.buckets) {
        const from = lowest / 1000;
        const until = lowest < 2048 ? 2.048 : from + 2 ** Math.floor(Math.log2(from)) / 4;
        const x0 = 8 + stagePart(from) * wide;
        const x1 = Math.max(8 + stagePart(until) * wide, x0 + 2);
        const tall = Math.max((Math.log10(times + 1) / most) * (bottom - top - 2), 2);
        context.fillStyle = one.stage === 'gap' || one.stage === 'read' ? colour.arrived : colour.left;
        context.fillRect(x0, bottom - tall, Math.max(x1 - x0 - 0.5, 1.5), tall);
        canvas.hits.push({ x0, x1, top, bottom, from, until, times, one });
      }
    });
    context.font = SMALL;
    context.fillStyle = colour.soft;
    for (const value of AXIS) {
      const x = 8 + stagePart(value) * wide;
      context.textAlign = value === 1 ? 'left' : value === AXIS[AXIS.length - 1] ? 'right' : 'center';
      context.fillText(span(value), x, height - 9);
      context.fillRect(Math.min(x, 8 + wide - 1), height - 22, 1, 5);
    }
    context.textAlign = 'left';
  }
}

function hoverStage(canvas, event) {
  const hit = (canvas.hits || []).find((one) => event.offsetX >= one.x0 - 1 && event.offsetX <= one.x1 + 1 && event.offsetY >= one.top && event.offsetY <= one.bottom);
  if (!hit) {
    hideRecord();
    return;
  }
  const record = {
    title: `${hit.one.stage} on ${model.nodes[hit.one.node].name}`,
    pairs: [['from', span(hit.from)], ['below', span(hit.until)], ['counted', count(hit.times)]],
  };
  showRecord(canvas, { x: event.offsetX, y: event.offsetY, kind: 'row', record });
}
