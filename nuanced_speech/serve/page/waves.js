// Waveforms of recordings, with the buttons that play them.

import { byId, clock, icon, make } from './dom.js';
import WaveSurfer from './vendor/wavesurfer.esm.js';

const POINTS = 1600;
const dark = matchMedia('(prefers-color-scheme: dark)');

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Largest magnitudes of equal parts of `seconds` seconds; silence where the recording is shorter. */
function peaksOf(buffer, seconds) {
  const samples = buffer.getChannelData(0);
  const width = (seconds * buffer.sampleRate) / POINTS;
  return Float32Array.from({ length: POINTS }, (_, k) => {
    let most = 0;
    const end = Math.min(samples.length, Math.ceil((k + 1) * width));
    for (let at = Math.floor(k * width); at < end; at += 1) most = Math.max(most, Math.abs(samples[at]));
    return most;
  });
}

function colours(kind) {
  const [played, rest] = [colour(`--${kind}`), colour(`--${kind}-soft`)];
  return { waveColor: rest, progressColor: played, cursorColor: colour('--ink') };
}

/**
 * A player of recordings that belong together.
 * @param {HTMLElement} host is filled.
 * @param {Transport} transport plays.
 * @param {{name: string, kind: string, buffer: AudioBuffer}[]} parts what is shown; `kind` names a colour of the style.
 */
export function player(host, transport, parts) {
  host.replaceChildren();
  transport.load(parts.map((part) => part.buffer));
  const seconds = transport.duration;
  const button = make('button', { type: 'button', class: 'round', 'aria-label': 'Play' }, icon('play'));
  const position = make('input', {
    type: 'range', min: 0, max: seconds.toFixed(2), step: 0.01, value: 0, 'aria-label': 'Position in the recording',
  });
  const time = make('span', { class: 'time' });
  const bar = make('div', { class: 'transport' }, button);
  if (parts.length > 1) bar.append(choice(parts, transport));
  bar.append(position, time);
  host.append(bar);

  const tallest = Math.max(...parts.map((part) => Math.max(...peaksOf(part.buffer, seconds))), 1e-3);
  const waves = parts.map((part) => {
    const wave = make('div', { class: 'wave', 'aria-hidden': 'true' });
    host.append(make('div', { class: 'track' }, make('span', { class: `badge ${part.kind}` }, part.name), wave));
    return WaveSurfer.create({
      container: wave, media: transport, peaks: [peaksOf(part.buffer, seconds)], duration: seconds, height: 76,
      normalize: true, maxPeak: tallest, barWidth: 2, barGap: 1, barRadius: 2, cursorWidth: 2, dragToSeek: true,
      hideScrollbar: true, cspNonce: byId('style').nonce, ...colours(part.kind),
    });
  });

  function show() {
    const now = transport.currentTime;
    if (document.activeElement !== position || !transport.paused) position.value = now;
    position.setAttribute('aria-valuetext', `${now.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
    time.textContent = `${clock(now)} / ${clock(seconds)}`;
  }
  function turn() {
    button.replaceChildren(icon(transport.paused ? 'play' : 'pause'));
    button.setAttribute('aria-label', transport.paused ? 'Play' : 'Pause');
  }
  button.addEventListener('click', () => (transport.paused ? transport.play() : transport.pause()));
  position.addEventListener('input', () => { transport.currentTime = Number(position.value); });
  const recolour = () => waves.forEach((wave, k) => wave.setOptions(colours(parts[k].kind)));
  const listening = new AbortController();
  const { signal } = listening;
  transport.addEventListener('timeupdate', show, { signal });
  transport.addEventListener('play', turn, { signal });
  transport.addEventListener('pause', turn, { signal });
  dark.addEventListener('change', recolour, { signal });
  show();
  return {
    close() {
      transport.pause();
      listening.abort();
      for (const wave of waves) wave.destroy();
      host.replaceChildren();
    },
  };
}

function choice(parts, transport) {
  const name = `heard-${Math.random()}`;
  const labels = parts.map((part, k) => make('label', {},
    make('input', { type: 'radio', name, checked: k === transport.heard, onchange: () => transport.hear(k) }),
    make('span', {}, part.name)));
  return make('fieldset', { class: 'segments' }, make('legend', { class: 'hidden' }, 'Heard now'), ...labels);
}
