// Numbers as people read them. Times of the page are microseconds since its base.

let localTime = false;

/** A length of time in microseconds: 85 µs, 3.21 s, 4 min 12 s. */
function span(micros) {
  const sign = micros < 0 ? '−' : '';
  const value = Math.abs(micros);
  if (value < 1e3) return `${sign}${Math.round(value)} µs`;
  if (value < 1e6) return `${sign}${digits(value / 1e3)} ms`;
  if (value < 60e6) return `${sign}${digits(value / 1e6)} s`;
  const pairs = [[86400e6, 'd', 3600e6, 'h'], [3600e6, 'h', 60e6, 'min'], [60e6, 'min', 1e6, 's']];
  for (const [large, largeName, small, smallName] of pairs) {
    if (value < large) continue;
    const rest = Math.floor((value % large) / small);
    return `${sign}${Math.floor(value / large)} ${largeName}${rest ? ` ${rest} ${smallName}` : ''}`;
  }
  return '';
}

/** Three digits, without trailing zeros. */
function digits(value) {
  return String(Number(value.toPrecision(3)));
}

/** 12 345 */
function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function pad(value, length) {
  return String(value).padStart(length, '0');
}

/** Minutes that the shown zone is ahead of UTC at a time. */
function zoneOffset(unixMs) {
  return localTime ? -new Date(unixMs).getTimezoneOffset() : 0;
}

function zoneName(unixMs) {
  if (!localTime) return 'UTC';
  const offset = zoneOffset(unixMs);
  const size = Math.abs(offset);
  return `${offset < 0 ? '−' : '+'}${pad(Math.floor(size / 60), 2)}:${pad(size % 60, 2)}`;
}

/** Parts of a time in the shown zone. */
function parts(micros) {
  const unixMs = model.base_unix_ms + Math.floor(micros / 1000);
  const shown = new Date(unixMs + zoneOffset(unixMs) * 60000).toISOString();
  return {
    date: shown.slice(0, 10),
    clock: shown.slice(11, 19),
    millis: shown.slice(20, 23),
    micros: pad(((Math.floor(micros) % 1000) + 1000) % 1000, 3),
    zone: zoneName(unixMs),
  };
}

/** 2026-11-24 18:06:02.699 UTC */
function moment(micros) {
  const of = parts(micros);
  return `${of.date} ${of.clock}.${of.millis} ${of.zone}`;
}

/** 18:06:02.699412 */
function exact(micros) {
  const of = parts(micros);
  return `${of.clock}.${of.millis}${of.micros}`;
}

const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1e3, 2e3, 5e3, 10e3, 20e3, 50e3, 100e3, 200e3, 500e3,
  SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 365 * DAY,
];

/** Ticks of an axis: times at round values of the shown zone, and how each is written. */
function ticks(from, until, width, room) {
  const wanted = ((until - from) * room) / Math.max(width, 1);
  const step = STEPS.find((one) => one >= wanted) || STEPS[STEPS.length - 1];
  const shift = (model.base_unix_ms + zoneOffset(model.base_unix_ms + from / 1000) * 60000) * 1000;
  const found = [];
  for (let at = Math.ceil((from + shift) / step) * step - shift; at <= until; at += step) {
    const of = parts(at + 0.5);
    let text = of.clock.slice(0, 5);
    if (step < SECOND) text = `${of.clock}.${of.millis}`;
    else if (step < MINUTE) text = of.clock;
    else if (step >= DAY) text = of.date.slice(5);
    found.push({ at, text, date: of.date });
    if (found.length > 200) break;
  }
  return found;
}
