// What is looked at: a router and a stretch of time; and how it moves.

const SHORTEST = 2e3;
const view = { router: 0, from: 0, until: 1, all: false };

function whole() {
  const room = (model.until - model.from) * 0.01;
  return [model.from - room, model.until + room];
}

/** Shows a stretch of time, within what there is. */
function show(from, until) {
  const [first, last] = whole();
  const length = Math.min(Math.max(until - from, SHORTEST), last - first);
  const begin = Math.min(Math.max((from + until - length) / 2, first), last - length);
  view.from = begin;
  view.until = begin + length;
  redraw();
}

function zoom(factor, around = (view.from + view.until) / 2) {
  const length = Math.max((view.until - view.from) * factor, SHORTEST);
  const part = (around - view.from) / (view.until - view.from);
  show(around - length * part, around + length * (1 - part));
}

function pan(part) {
  const length = view.until - view.from;
  show(view.from + length * part, view.until + length * part);
}

/** Incidents that matter for the router shown, by time. */
function shownIncidents() {
  return model.incidents.filter((one) => one.router === null || one.router === view.router);
}

function showIncident(one) {
  if (one.router !== null && one.router !== view.router) chooseRouter(one.router);
  const length = Math.max(one.until - one.from, one.at - one.from, 4e6);
  const end = Math.min(Math.max(one.until, one.at), one.from + 120e6);
  show(Math.min(one.from, one.at) - Math.min(length * 1.5, 30e6) - 3e6, end + Math.min(length, 20e6) + 3e6);
}

/** Goes to the next incident in a direction. */
function stepIncident(direction) {
  const middle = (view.from + view.until) / 2;
  const edge = (view.until - view.from) / 8;
  const all = shownIncidents().filter((one) => one.weight < 2);
  const list = all.length ? all : shownIncidents();
  const next = direction > 0
    ? list.find((one) => one.at > middle + edge)
    : [...list].reverse().find((one) => one.at < middle - edge);
  if (next) showIncident(next);
}
