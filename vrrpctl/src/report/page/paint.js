// Canvases in device pixels, colours of the theme, and the marks that every drawing shares.

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const SMALL = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
let colour = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['paper', 'panel', 'ink', 'soft', 'line', 'master', 'backup', 'fault', 'init', 'left', 'arrived', 'host', 'heat1', 'heat2', 'heat3', 'focus']) {
    colour[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

/** Sizes a canvas to its place and gives its pen, clear. */
function pen(canvas, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const width = Math.max(canvas.clientWidth, 1);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  return { context, width, height };
}

/** Draws a text cut to a width, with an ellipsis. Returns the width used. */
function label(context, text, x, y, width, align = 'left') {
  let shown = text;
  if (context.measureText(shown).width > width) {
    while (shown.length > 1 && context.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
    shown = shown.length > 1 ? `${shown}…` : '';
  }
  context.textAlign = align;
  context.fillText(shown, x, y);
  context.textAlign = 'left';
  return context.measureText(shown).width;
}

/** A state's stretch: filled, and patterned so that it does not need its colour. */
function stateBar(context, state, x, y, width, height) {
  const fill = [colour.init, colour.backup, colour.master, colour.fault, colour.master, colour.backup][state];
  context.fillStyle = fill;
  if (state === 4) context.globalAlpha = 0.55;
  context.fillRect(x, y, width, height);
  context.globalAlpha = 1;
  if ((state === 0 || state === 3 || state === 5) && height > 3) {
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.strokeStyle = state === 5 ? colour.master : colour.paper;
    context.lineWidth = state === 5 ? 2 : 1.2;
    context.beginPath();
    const step = state === 0 ? 9 : 5;
    for (let at = x - height; at < x + width; at += step) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.stroke();
    context.restore();
  }
}

/** The ink that is readable on a state's bar. */
function stateInk(state) {
  return state === 2 || state === 3 ? colour.paper : colour.ink;
}

function dot(context, x, y, size) {
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.fill();
}

function diamond(context, x, y, size) {
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fill();
}

function cross(context, x, y, size) {
  context.beginPath();
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x - size, y + size);
  context.lineTo(x + size, y - size);
  context.stroke();
}

function flagMark(context, x, y, size, filled) {
  context.beginPath();
  context.moveTo(x, y + size);
  context.lineTo(x - size, y - size);
  context.lineTo(x + size, y - size);
  context.closePath();
  if (filled) context.fill();
  else context.stroke();
}
