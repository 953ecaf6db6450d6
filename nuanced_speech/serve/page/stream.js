// Speech that is heard while it is made.

import { RATE, context } from './sound.js';

// Amplitude of 16 bits above which a sound that ends was broken off.
const LOUD = 33;

/** Plays samples one piece after the other as they come. */
export class Stream {
  constructor() {
    // seconds of silence before the first sound, so that later pieces may come later
    this.reserve = 0.05;
    // how often a piece came too late for a sound that had not ended
    this.breaks = 0;
    this.pieces = [];
    this.sources = [];
    this.played = [];
    this.end = 0;
  }

  add(samples) {
    const sound = context();
    const buffer = sound.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(Float32Array.from(samples, (value) => value / 32768), 0);
    const source = sound.createBufferSource();
    source.buffer = buffer;
    source.connect(sound.destination);
    // a context that has just begun is at 0, as the end is
    const late = !this.pieces.length || this.end < sound.currentTime;
    const last = this.pieces.at(-1)?.at(-1) ?? 0;
    if (late && Math.abs(last) > LOUD) this.breaks += 1;
    const at = late ? sound.currentTime + (this.pieces.length ? 0.05 : this.reserve) : this.end;
    source.start(at);
    this.played.push({ at, from: this.seconds });
    this.pieces.push(samples);
    this.sources.push(source);
    this.end = at + buffer.duration;
  }

  get samples() {
    const all = new Int16Array(this.pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  get seconds() { return this.pieces.reduce((sum, piece) => sum + piece.length, 0) / RATE; }

  /** Place in the speech that is heard now, in seconds. */
  get now() {
    const time = context().currentTime;
    const piece = this.played.filter(({ at }) => at <= time).pop();
    return piece ? Math.min(this.seconds, piece.from + time - piece.at) : 0;
  }

  get over() { return this.end <= context().currentTime; }

  stop() {
    for (const source of this.sources) {
      try { source.stop(); } catch { /* over already */ }
    }
    this.end = 0;
  }
}
