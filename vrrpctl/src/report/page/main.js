// Wires the drawings to pointer, keyboard, buttons and the theme.

let queued = false;

/** Draws everything once before the next frame. */
function redraw() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    drawOverview();
    drawDetail();
    describe();
  });
}

/** Says what is in view, for those who do not see it. */
function describe() {
  document.getElementById('shown').textContent = `${moment(view.from)} to ${parts(view.until).clock}, ${span(view.until - view.from)}`;
  const lanes = document.getElementById('lanes');
  lanes.setAttribute('aria-label', `States and adverts of ${router().name}, ${moment(view.from)} to ${moment(view.until)}`);
  document.documentElement.dataset.from = Math.round(view.from);
  document.documentElement.dataset.until = Math.round(view.until);
}

function chooseRouter(position) {
  view.router = Math.min(Math.max(position, 0), model.routers.length - 1);
  document.getElementById('router').value = String(view.router);
  document.getElementById('what').textContent = router().what;
  detail.pinned = null;
  document.getElementById('record').hidden = true;
  const tallest = Math.max(...model.nodes.map((_, node) => hostRows(node).length), 0);
  document.getElementById('more').hidden = tallest <= FEW;
  makeStages();
  filterVerdicts();
  redraw();
}

function filterVerdicts() {
  const only = document.getElementById('only').checked;
  for (const one of document.querySelectorAll('.verdict')) {
    const own = one.dataset.router === undefined || Number(one.dataset.router) === view.router;
    one.hidden = only && !own;
  }
}

function writeTimes() {
  for (const one of document.querySelectorAll('time[data-t]')) {
    one.textContent = moment(Number(one.dataset.t));
  }
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = {
    ArrowLeft: () => (event.shiftKey ? pan(-0.25) : stepAdvert(-1)),
    ArrowRight: () => (event.shiftKey ? pan(0.25) : stepAdvert(1)),
    '+': () => zoom(0.5), '=': () => zoom(0.5), '-': () => zoom(2), 0: () => show(...whole()),
    n: () => stepIncident(1), p: () => stepIncident(-1), Escape: hideRecord,
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

function wheel(event) {
  // The wheel alone scrolls the page, as everywhere.
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoom(Math.exp(Math.max(Math.min(event.deltaY, 200), -200) / 250), toTime(event.offsetX));
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    pan((event.deltaX || event.deltaY) / plotWidth());
  }
}

function wireLanes() {
  const canvas = document.getElementById('lanes');
  const held = new Map();
  let moved = false;
  canvas.addEventListener('keydown', keys);
  canvas.addEventListener('wheel', wheel, { passive: false });
  canvas.addEventListener('dblclick', (event) => zoom(event.shiftKey ? 3 : 1 / 3, toTime(event.offsetX)));
  canvas.addEventListener('pointerdown', (event) => {
    held.set(event.pointerId, event.offsetX);
    moved = false;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (held.has(event.pointerId)) {
      const before = [...held.values()];
      const by = event.offsetX - held.get(event.pointerId);
      if (held.size === 1 && !moved && Math.abs(by) < 3) return;
      held.set(event.pointerId, event.offsetX);
      moved = true;
      document.getElementById('record').hidden = true;
      const after = [...held.values()];
      if (held.size === 2) {
        const width = (both) => Math.max(Math.abs(both[0] - both[1]), 10);
        zoom(width(before) / width(after), toTime((after[0] + after[1]) / 2));
      } else {
        pan(-by / plotWidth());
      }
      return;
    }
    const mark = under(event.offsetX, event.offsetY);
    canvas.classList.toggle('hit', !!mark && mark.kind !== 'row');
    if (mark) showRecord(canvas, mark);
    else if (!detail.pinned) document.getElementById('record').hidden = true;
  });
  const end = (event) => {
    const tapped = held.delete(event.pointerId) && !moved;
    const mark = tapped ? under(event.offsetX, event.offsetY) : null;
    if (mark) showRecord(canvas, mark);
    if (mark && mark.kind === 'incident') openVerdict(mark.incident.verdict);
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', (event) => held.delete(event.pointerId));
  canvas.addEventListener('pointerleave', () => {
    if (!held.size && !detail.pinned) document.getElementById('record').hidden = true;
  });
  canvas.addEventListener('blur', hideRecord);
}

/** Marks the verdict of an incident in the list, and opens its evidence. */
function openVerdict(number) {
  const one = document.getElementById(`verdict-${number}`);
  if (!one) return;
  document.querySelectorAll('.verdict.chosen').forEach((other) => other.classList.remove('chosen'));
  one.classList.add('chosen');
  one.hidden = false;
  const evidence = one.querySelector('details');
  if (evidence) evidence.open = true;
}

function wireMap() {
  const canvas = document.getElementById('map');
  canvas.addEventListener('keydown', (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      chooseRouter(view.router + step);
    } else {
      keys(event);
    }
  });
  canvas.addEventListener('pointerdown', (event) => {
    const row = rowAt(event.offsetY);
    if (row >= 0 && row !== view.router) chooseRouter(row);
    if (event.offsetX < map.left) return;
    map.drag = [mapTime(event.offsetX), mapTime(event.offsetX)];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (map.drag) {
      map.drag[1] = mapTime(event.offsetX);
      redraw();
    }
    const row = rowAt(event.offsetY);
    canvas.title = row >= 0 ? `${model.routers[row].name}, ${moment(mapTime(event.offsetX))}` : '';
  });
  canvas.addEventListener('pointerup', () => {
    if (!map.drag) return;
    const [from, until] = [Math.min(...map.drag), Math.max(...map.drag)];
    map.drag = null;
    const [first, last] = whole();
    const half = (view.until - view.from) / 2;
    if (until - from > (last - first) / 200) show(from, until);
    else show((from + until) / 2 - half, (from + until) / 2 + half);
  });
  canvas.addEventListener('pointercancel', () => {
    map.drag = null;
    redraw();
  });
}

function wireButtons() {
  const actions = {
    in: () => zoom(0.5), out: () => zoom(2), all: () => show(...whole()), back: () => pan(-0.5), on: () => pan(0.5),
    next: () => stepIncident(1), previous: () => stepIncident(-1),
    more: () => {
      view.all = !view.all;
      document.getElementById('more').setAttribute('aria-pressed', String(view.all));
      redraw();
    },
  };
  for (const [name, action] of Object.entries(actions)) document.getElementById(name).addEventListener('click', action);
  const chooser = document.getElementById('router');
  model.routers.forEach((one, position) => chooser.append(new Option(one.name, String(position))));
  chooser.addEventListener('change', () => chooseRouter(Number(chooser.value)));
  document.getElementById('chooser').hidden = model.routers.length < 2;
  document.getElementById('only').addEventListener('change', filterVerdicts);
  document.getElementById('only-label').hidden = model.routers.length < 2;
  document.getElementById('zone').addEventListener('change', (event) => {
    localTime = event.target.value === 'local';
    writeTimes();
    redraw();
  });
  document.getElementById('theme').addEventListener('change', (event) => {
    document.documentElement.dataset.theme = event.target.value;
    readColours();
    drawStages();
    redraw();
  });
  for (const button of document.querySelectorAll('.verdict button')) {
    button.addEventListener('click', () => {
      const one = model.incidents.find((each) => each.verdict === Number(button.dataset.verdict));
      if (!one) return;
      showIncident(one);
      document.getElementById('detail').scrollIntoView({ block: 'start' });
      document.getElementById('lanes').focus({ preventScroll: true });
    });
  }
}

async function main() {
  try {
    await load();
  } catch (error) {
    const text = document.getElementById('trouble');
    text.textContent = `This browser cannot read the drawing's data (${error}). The verdicts below are complete.`;
    text.hidden = false;
    return;
  }
  readColours();
  document.getElementById('drawing').hidden = !model.routers.length;
  if (!model.routers.length) {
    document.documentElement.dataset.ready = 'empty';
    return;
  }
  wireButtons();
  wireLanes();
  wireMap();
  [view.from, view.until] = model.focus || whole();
  chooseRouter(model.focus_router ?? 0);
  show(view.from, view.until);
  const again = () => {
    drawStages();
    redraw();
  };
  new ResizeObserver(again).observe(document.getElementById('detail'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    readColours();
    again();
  });
  requestAnimationFrame(() => requestAnimationFrame(() => {
    document.documentElement.dataset.ready = 'drawn';
  }));
}

main();
