// Runs in the sound thread: hands what the microphone takes over, a tenth of a second at a time.

class Taker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.held = new Int16Array(sampleRate / 10);
    this.count = 0;
  }

  process([[channel]]) {
    for (const value of channel ?? []) {
      this.held[this.count] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      this.count += 1;
      if (this.count === this.held.length) {
        this.port.postMessage(this.held.slice());
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor('taker', Taker);
