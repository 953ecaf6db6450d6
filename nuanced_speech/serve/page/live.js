// The tab "Live": the microphone's sound goes to the server, and comes back in another voice.

import { bytesOf, token } from './api.js';
import { byId, clock, sentence, showError } from './dom.js';
import { voicePicker } from './picker.js';
import { RATE } from './sound.js';
import { Stream } from './stream.js';

const PATH = '/v1/realtime/translations';

/** One conversion, from the microphone to the speaker. */
class Conversation {
  constructor(settings, told) {
    Object.assign(this, { settings, told, stream: new Stream(), peak: 0, heard: 0, ended: false });
  }

  /** @throws {Error} a sentence that says why there is no sound. */
  async begin() {
    if (!navigator.mediaDevices) throw new Error('this browser gives its microphone only to https pages and to pages of this machine');
    try {
      this.microphone = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false } });
    } catch {
      throw new Error('there is no microphone, or the browser may not use it: allow it for this page');
    }
    this.sound = new AudioContext({ sampleRate: RATE });
    await this.sound.audioWorklet.addModule('/page/files/taker.js');
    await this.connect();
    const taker = new AudioWorkletNode(this.sound, 'taker', { numberOfOutputs: 0 });
    taker.port.onmessage = ({ data }) => this.send(data);
    this.sound.createMediaStreamSource(this.microphone).connect(taker);
  }

  connect() {
    const key = token();
    const protocols = key ? ['realtime', `openai-insecure-api-key.${key}`] : [];
    this.socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}${PATH}`, protocols);
    return new Promise((resolve, reject) => {
      this.socket.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === 'session.created') this.tell({ type: 'session.update', session: { audio: { output: this.settings } } });
        if (event.type === 'session.updated') {
          this.stream.reserve = Math.max(0.05, event.session.audio.output.reserve_ms / 1000);
          resolve();
        }
        if (event.type === 'error') {
          reject(new Error(event.error.message));
          this.told({ problem: event.error.message });
        }
        this.take(event);
      };
      this.socket.onclose = () => {
        reject(new Error('the server refused the connection: try again, or reload the page'));
        if (!this.ended) this.told({ problem: 'the server ended the conversion' });
        this.finish();
      };
    });
  }

  tell(event) { this.socket.send(JSON.stringify(event)); }

  send(samples) {
    for (const value of samples) this.peak = Math.max(this.peak, Math.abs(value) / 32768);
    this.heard += samples.length / RATE;
    this.told({ level: this.peak, seconds: this.heard });
    this.peak = 0;
    if (this.socket.readyState !== WebSocket.OPEN || this.ended) return;
    const bytes = new Uint8Array(samples.buffer);
    this.tell({ type: 'session.input_audio_buffer.append', audio: btoa(String.fromCharCode(...bytes)) });
  }

  take(event) {
    if (event.type === 'session.output_audio.delta') {
      const bytes = bytesOf(event.delta);
      this.stream.add(new Int16Array(bytes.buffer, 0, bytes.length >> 1));
      this.told({ made: this.stream.seconds, breaks: this.stream.breaks });
    }
    if (event.type === 'session.figures') this.told({ figures: event.figures });
    if (event.type === 'session.closed') this.told({ closed: true });
  }

  /** Take no more; what was taken is still converted. */
  end() {
    if (this.ended) return;
    this.ended = true;
    this.release();
    if (this.socket?.readyState === WebSocket.OPEN) this.tell({ type: 'session.close' });
  }

  finish() {
    this.ended = true;
    this.release();
    this.told({ closed: true });
  }

  release() {
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    if (this.sound?.state !== 'closed') this.sound?.close();
  }
}

/** What a speaker should know of a machine that is too slow; empty where it is not. */
function warning({ lost_seconds: lost, waiting_seconds: waiting, block_seconds: block }) {
  if (lost > 0 || waiting > 2) {
    return sentence(`this machine cannot follow: ${block ? 'choose phrase by phrase' : 'speak in shorter phrases'}`);
  }
  return block > 0.5 ? sentence(`this machine is slow: blocks have grown to ${block.toFixed(1)} s, so the delay has grown too`) : '';
}

export function setUpLive() {
  const form = byId('live-form');
  const picker = voicePicker(byId('live-picker'), 'Live voice');
  const chosen = (name) => form.querySelector(`[name=${name}]:checked`).value;
  const [start, stop, state, error] = ['live-start', 'live-stop', 'live-state', 'live-error'].map(byId);
  let talk = null;

  for (const input of form.querySelectorAll('[name=live-kind]')) {
    input.addEventListener('change', () => {
      for (const part of form.querySelectorAll('[data-kind]')) part.hidden = part.dataset.kind !== chosen('live-kind');
    });
  }

  function told({ problem, level, seconds, made, breaks, figures, closed }) {
    if (problem) showError(error, problem);
    if (level !== undefined) {
      byId('live-level').style.inlineSize = `${Math.min(100, Math.round(140 * Math.sqrt(level)))}%`;
      byId('live-time').textContent = clock(seconds);
    }
    if (made !== undefined) byId('live-made').textContent = clock(made);
    if (breaks !== undefined) byId('live-breaks').textContent = breaks;
    if (figures) {
      byId('live-delay').textContent = figures.given_seconds ? `${figures.delay_seconds.toFixed(1)} s` : '–';
      byId('live-slow').textContent = warning(figures);
    }
    if (closed && talk) {
      talk = null;
      start.disabled = false;
      stop.hidden = true;
      state.textContent = 'Stopped.';
    }
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (talk) return;
    showError(error);
    picker.fail('');
    start.disabled = true;
    state.textContent = 'Connecting …';
    told({ level: 0, seconds: 0, made: 0, breaks: 0, figures: { given_seconds: 0, lost_seconds: 0, waiting_seconds: 0, block_seconds: 0 } });
    byId('live-figures').hidden = false;
    byId('live-delay-name').textContent = chosen('live-mode') === 'block' ? 'Time to compute a block' : 'Time after the pause';
    const voice = chosen('live-kind') === 'own' ? 'own' : picker.voice;
    talk = new Conversation({ voice, mode: chosen('live-mode') }, told);
    try {
      await talk.begin();
      stop.hidden = false;
      stop.focus();
      state.textContent = 'Listening. Wear headphones, so that the microphone does not hear the result.';
    } catch (problem) {
      showError(error, problem.message);
      talk?.finish();
    }
  });
  stop.addEventListener('click', () => {
    state.textContent = 'Finishing …';
    talk?.end();
    start.focus();
  });
}
