// Decoding, and playing of several recordings with one play-head.

export const RATE = 24_000;
let shared = null;

/** The context that plays; made when something is played first, which browsers ask for. */
export function context() {
  shared ??= new AudioContext();
  if (shared.state === 'suspended') shared.resume();
  return shared;
}

/** Samples of a file at 24 kHz.
 * @throws {Error} the browser cannot decode it. */
export async function decode(blob) {
  return new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
}

/** A WAV file of 16-bit samples at 24 kHz. */
export function wavOf(samples, comment) {
  const text = new TextEncoder().encode(comment + (comment.length % 2 ? '\0' : '\0\0'));
  const list = 20 + text.length;
  const bytes = new DataView(new ArrayBuffer(44 + list + 2 * samples.length));
  const tag = (at, name) => [...name].forEach((c, k) => bytes.setUint8(at + k, c.charCodeAt(0)));
  const data = 36 + list;
  tag(0, 'RIFF'); bytes.setUint32(4, data + 2 * samples.length, true); tag(8, 'WAVEfmt ');
  bytes.setUint32(16, 16, true); bytes.setUint16(20, 1, true); bytes.setUint16(22, 1, true);
  bytes.setUint32(24, RATE, true); bytes.setUint32(28, 2 * RATE, true); bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true); tag(36, 'LIST'); bytes.setUint32(40, list - 8, true); tag(44, 'INFOICMT');
  bytes.setUint32(52, text.length, true);
  text.forEach((byte, k) => bytes.setUint8(56 + k, byte));
  tag(data, 'data'); bytes.setUint32(data + 4, 2 * samples.length, true);
  samples.forEach((value, k) => bytes.setInt16(data + 8 + 2 * k, value, true));
  return new Blob([bytes], { type: 'audio/wav' });
}

/**
 * Plays recordings that belong together at the same time, of which one is heard. It has the interface of a media
 * element as far as the waveforms' library uses it, so that several waveforms share one play-head.
 */
export class Transport extends EventTarget {
  constructor() {
    super();
    Object.assign(this, { buffers: [], sources: [], gains: [], heard: 0, offset: 0, began: null, duration: 0 });
    Object.assign(this, { volume: 1, muted: false, playbackRate: 1, seeking: false, readyState: 4, src: '' });
    this.ended = false;
  }

  load(buffers) {
    if (!buffers) return; // as a media element's load()
    this.pause();
    this.buffers = buffers;
    this.offset = 0;
    this.duration = Math.max(...buffers.map((buffer) => buffer?.duration ?? 0));
    this.tell('durationchange', 'timeupdate');
  }

  get paused() { return this.began === null; }
  get currentTime() {
    const played = this.paused ? 0 : context().currentTime - this.began;
    return Math.min(this.duration, this.offset + Math.max(0, played));
  }
  set currentTime(seconds) {
    const playing = !this.paused;
    this.silence();
    this.offset = Math.min(this.duration, Math.max(0, seconds));
    if (playing) this.start();
    this.tell('seeking', 'timeupdate', 'seeked');
  }

  async play() {
    if (!this.paused || !this.duration) return;
    if (this.offset >= this.duration - 0.01) this.offset = 0;
    this.start();
    this.tell('play', 'playing');
  }

  pause() {
    if (this.paused) return;
    this.offset = this.currentTime;
    this.silence();
    this.tell('pause', 'timeupdate');
  }

  /** Choose which of the recordings is heard. */
  hear(index) {
    this.heard = index;
    this.gains.forEach((gain, k) => gain.gain.setTargetAtTime(k === index ? 1 : 0, context().currentTime, 0.005));
  }

  start() {
    const sound = context();
    const at = sound.currentTime + 0.02;
    this.began = at;
    this.buffers.forEach((buffer, k) => {
      if (!buffer) return;
      const [source, gain] = [sound.createBufferSource(), sound.createGain()];
      source.buffer = buffer;
      gain.gain.value = k === this.heard ? 1 : 0;
      source.connect(gain).connect(sound.destination);
      if (this.offset < buffer.duration) source.start(at, this.offset);
      this.sources.push(source);
      this.gains[k] = gain;
    });
    this.tick();
  }

  silence() {
    for (const source of this.sources) {
      try { source.stop(); } catch { /* not started */ }
      source.disconnect();
    }
    this.sources = [];
    this.began = null;
  }

  tick() {
    if (this.paused) return;
    if (this.currentTime >= this.duration) {
      this.offset = this.duration;
      this.silence();
      this.tell('timeupdate', 'pause', 'ended');
      return;
    }
    this.tell('timeupdate');
    requestAnimationFrame(() => this.tick());
  }

  tell(...names) { for (const name of names) this.dispatchEvent(new Event(name)); }
  canPlayType() { return ''; }
  removeAttribute() {}
  remove() {}
}
